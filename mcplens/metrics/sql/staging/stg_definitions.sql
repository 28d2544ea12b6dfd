create or replace view stg_definitions as
with

written as (

    select * from raw_definitions

),

final as (

    select
        definition_hash,
        run_id,
        connection_id,
        server_name,
        kind,
        name,
        definition,
        definition_bytes,
        is_read_only,
        is_idempotent,
        is_destructive,
        seen_at,
        recorded_at
    from written

)

select * from final;

comment on view stg_definitions is 'One row per tool, prompt or resource advertised on a connection.';
comment on column stg_definitions.definition_hash is 'Hash of the definition''s canonical JSON.';
comment on column stg_definitions.run_id is 'The recording this row belongs to.';
comment on column stg_definitions.connection_id is 'The connection it was seen on.';
comment on column stg_definitions.server_name is 'The server.';
comment on column stg_definitions.kind is 'tool, prompt, resource or resource_template.';
comment on column stg_definitions.name is 'Its name; of a resource its URI without query string.';
comment on column stg_definitions.definition is 'As JSON text; of a resource what --keep allows.';
comment on column stg_definitions.definition_bytes is 'Size of the definition''s JSON, in bytes.';
comment on column stg_definitions.is_read_only is 'The tool''s readOnlyHint.';
comment on column stg_definitions.is_idempotent is 'The tool''s idempotentHint.';
comment on column stg_definitions.is_destructive is 'The tool''s destructiveHint.';
comment on column stg_definitions.seen_at is 'When it was seen first on the connection, UTC.';
comment on column stg_definitions.recorded_at is 'When the recorder wrote the row into its spool, UTC.';
