-- What servers said of their tools, prompts and resources, and when that changed: another hash is another
-- definition. What changed since the run before is: from definitions where run_change is not null. The runs
-- compared are, for each server and kind, the newest two in which it listed any; what stood last in each
-- counts. changed_parts takes keys in another order for another part, as servers rarely change it.
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
        arg_min(run_id, row(seen_at, run_id)) as first_run_id,
        arg_max(run_id, row(seen_at, run_id)) as last_run_id,
        count(distinct run_id) as run_count,
        count(distinct connection_id) as connection_count,
        max(definition) as definition,
        max(definition_bytes) as definition_bytes,
        bool_or(is_read_only) as is_read_only,
        bool_or(is_idempotent) as is_idempotent,
        bool_or(is_destructive) as is_destructive
    from advertised
    group by server_name, kind, name, definition_hash

),

listings as (

    select
        server_name,
        kind,
        run_id,
        min(seen_at) as began_at
    from advertised
    group by server_name, kind, run_id

),

aged as (

    select
        server_name,
        kind,
        run_id,
        row_number() over (
            partition by server_name, kind
            order by began_at desc nulls last, run_id desc
        ) as age
    from listings

),

standing as (

    select
        advertised.server_name,
        advertised.kind,
        advertised.name,
        aged.age,
        advertised.definition_hash,
        row_number() over (
            partition by advertised.server_name, advertised.kind, advertised.name, advertised.run_id
            order by advertised.seen_at desc nulls last, advertised.definition_hash asc
        ) as place
    from advertised
    inner join aged
        on
            advertised.server_name is not distinct from aged.server_name
            and advertised.kind is not distinct from aged.kind
            and advertised.run_id = aged.run_id
    where aged.age <= 2

),

newest_run as (

    select * from standing
    where
        age = 1
        and place = 1

),

preceding_run as (

    select * from standing
    where
        age = 2
        and place = 1

),

compared_kinds as (

    select
        server_name,
        kind
    from aged
    where age = 2

),

ordered as (

    select
        *,
        row_number() over newest_first = 1 as is_current,
        row_number() over oldest_first as revision,
        lag(definition_hash) over oldest_first as earlier_hash,
        lead(definition_hash) over oldest_first as later_hash,
        lead(first_seen_at) over oldest_first as later_at
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

),

compared as (

    select
        ordered.*,
        case
            when compared_kinds.kind is null then null
            when
                ordered.definition_hash = newest_run.definition_hash and preceding_run.definition_hash is null
                then 'added'
            when
                ordered.definition_hash = newest_run.definition_hash
                and ordered.definition_hash <> preceding_run.definition_hash
                then 'changed'
            when
                ordered.definition_hash = preceding_run.definition_hash and newest_run.definition_hash is null
                then 'removed'
            when
                ordered.definition_hash = preceding_run.definition_hash
                and ordered.definition_hash <> newest_run.definition_hash
                then 'replaced'
        end as run_change,
        preceding_run.definition_hash as before_hash
    from ordered
    left join compared_kinds
        on
            ordered.server_name is not distinct from compared_kinds.server_name
            and ordered.kind is not distinct from compared_kinds.kind
    left join newest_run
        on
            ordered.server_name is not distinct from newest_run.server_name
            and ordered.kind is not distinct from newest_run.kind
            and ordered.name is not distinct from newest_run.name
    left join preceding_run
        on
            ordered.server_name is not distinct from preceding_run.server_name
            and ordered.kind is not distinct from preceding_run.kind
            and ordered.name is not distinct from preceding_run.name

),

-- What was taken back follows on what it was taken back from, not on what once stood before it.
linked as (

    select
        *,
        case when run_change = 'changed' then before_hash else earlier_hash end as replaces_hash
    from compared

),

final as (

    select
        linked.server_name,
        linked.kind,
        linked.name,
        linked.definition_hash,

        linked.is_current,
        linked.revision,
        linked.run_change,
        case
            when replaced.definition_hash is not null
                then
                    coalesce(
                        nullif(
                            concat_ws(
                                ', ',
                                case
                                    when
                                        json_extract_string(linked.definition, '$.description')
                                        is distinct from json_extract_string(
                                            replaced.definition, '$.description'
                                        )
                                        then 'description'
                                end,
                                case
                                    when
                                        json_extract_string(linked.definition, '$.title')
                                        is distinct from json_extract_string(replaced.definition, '$.title')
                                        then 'title'
                                end,
                                case
                                    when
                                        json_extract_string(linked.definition, '$.inputSchema')
                                        is distinct from json_extract_string(
                                            replaced.definition, '$.inputSchema'
                                        )
                                        then 'inputSchema'
                                end,
                                case
                                    when
                                        json_extract_string(linked.definition, '$.outputSchema')
                                        is distinct from json_extract_string(
                                            replaced.definition, '$.outputSchema'
                                        )
                                        then 'outputSchema'
                                end,
                                case
                                    when
                                        json_extract_string(linked.definition, '$.annotations')
                                        is distinct from json_extract_string(
                                            replaced.definition, '$.annotations'
                                        )
                                        then 'annotations'
                                end,
                                case
                                    when
                                        json_extract_string(linked.definition, '$.arguments')
                                        is distinct from json_extract_string(
                                            replaced.definition, '$.arguments'
                                        )
                                        then 'arguments'
                                end
                            ),
                            ''
                        ),
                        'other'
                    )
        end as changed_parts,
        linked.replaces_hash,
        case when not linked.is_current then linked.later_hash end as replaced_by_hash,
        case when not linked.is_current then linked.later_at end as replaced_at,

        linked.first_seen_at,
        linked.last_seen_at,
        linked.first_run_id,
        linked.last_run_id,
        linked.run_count,
        linked.connection_count,

        linked.is_read_only,
        linked.is_idempotent,
        linked.is_destructive,
        linked.definition_bytes,
        linked.definition
    from linked
    left join merged as replaced
        on
            linked.server_name is not distinct from replaced.server_name
            and linked.kind is not distinct from replaced.kind
            and linked.name is not distinct from replaced.name
            and linked.replaces_hash = replaced.definition_hash

)

select * from final;

comment on view definitions is
'One row per definition of a tool, prompt or resource: what a server said of it, and what changed.';
comment on column definitions.server_name is 'The server.';
comment on column definitions.kind is 'tool, prompt, resource or resource_template.';
comment on column definitions.name is 'Its name; of a resource its URI without query string.';
comment on column definitions.definition_hash is 'Hash of the definition''s canonical JSON.';
comment on column definitions.is_current is 'Whether it is the one seen last.';
comment on column definitions.revision is 'Counts the definitions this name has had, from 1.';
comment on column definitions.run_change is
'What the newest run changed against the run before: added, changed, replaced (by what changed), removed.';
comment on column definitions.changed_parts is
'In what it differs from the definition that it replaces: description, inputSchema, … or other.';
comment on column definitions.replaces_hash is 'The definition of this name before it; NULL for the first.';
comment on column definitions.replaced_by_hash is
'The definition of this name after it; NULL while it is current.';
comment on column definitions.replaced_at is 'When that was seen first, UTC.';
comment on column definitions.first_seen_at is 'When it was seen first, UTC.';
comment on column definitions.last_seen_at is 'When a connection last began with it, UTC.';
comment on column definitions.first_run_id is 'The recording in which it was seen first.';
comment on column definitions.last_run_id is 'The recording in which it was seen last.';
comment on column definitions.run_count is 'Recordings it was seen in.';
comment on column definitions.connection_count is 'Connections it was seen on.';
comment on column definitions.is_read_only is 'The tool''s readOnlyHint.';
comment on column definitions.is_idempotent is 'The tool''s idempotentHint.';
comment on column definitions.is_destructive is 'The tool''s destructiveHint.';
comment on column definitions.definition_bytes is 'Size of the definition''s JSON, in bytes.';
comment on column definitions.definition is 'As JSON text; of a resource what --keep allows.';
