-- What servers said of their tools, prompts and resources, and when that changed: another hash is another
-- definition.
create or replace view definitions as
with

advertised as (

    select * from stg_definitions

),

merged as (

    select
        server_name,
        kind,
        name,
        definition_hash,
        min(seen_at) as first_seen_at,
        max(seen_at) as last_seen_at,
        count(distinct connection_id) as connection_count,
        max(definition) as definition,
        max(definition_bytes) as definition_bytes,
        bool_or(is_read_only) as is_read_only,
        bool_or(is_idempotent) as is_idempotent,
        bool_or(is_destructive) as is_destructive
    from advertised
    group by server_name, kind, name, definition_hash

),

final as (

    select
        server_name,
        kind,
        name,
        definition_hash,

        row_number() over newest_first = 1 as is_current,
        row_number() over oldest_first as revision,
        first_seen_at,
        last_seen_at,
        connection_count,

        is_read_only,
        is_idempotent,
        is_destructive,
        definition_bytes,
        definition
    from merged
    window
        newest_first as (
            partition by server_name, kind, name
            order by last_seen_at desc nulls last, first_seen_at desc nulls last, definition_hash asc
        ),
        oldest_first as (
            partition by server_name, kind, name
            order by first_seen_at nulls last, last_seen_at nulls last, definition_hash
        )

)

select * from final;

comment on view definitions is
'One row per definition of a tool, prompt or resource: what a server said of it.';
comment on column definitions.server_name is 'The server.';
comment on column definitions.kind is 'tool, prompt, resource or resource_template.';
comment on column definitions.name is 'Its name; of a resource its URI without query string.';
comment on column definitions.definition_hash is 'Hash of the definition''s canonical JSON.';
comment on column definitions.is_current is 'Whether it is the one seen last.';
comment on column definitions.revision is 'Counts the definitions this name has had, from 1.';
comment on column definitions.first_seen_at is 'When it was seen first, UTC.';
comment on column definitions.last_seen_at is 'When a connection last began with it, UTC.';
comment on column definitions.connection_count is 'Connections it was seen on.';
comment on column definitions.is_read_only is 'The tool''s readOnlyHint.';
comment on column definitions.is_idempotent is 'The tool''s idempotentHint.';
comment on column definitions.is_destructive is 'The tool''s destructiveHint.';
comment on column definitions.definition_bytes is 'Size of the definition''s JSON, in bytes.';
comment on column definitions.definition is 'As JSON text; of a resource what --keep allows.';
