-- What a second observer saw of the same connection is left out.
create or replace view stg_definitions as
with

written as (

    select * from raw_definitions

),

shadows as (

    select connection_id from raw_shadowed

),

final as (

    select
        written.definition_hash,
        written.run_id,
        written.connection_id,
        written.server_name,
        written.kind,
        written.name,
        written.definition,
        written.definition_bytes,
        written.is_read_only,
        written.is_idempotent,
        written.is_destructive,
        written.seen_at,
        written.recorded_at
    from written
    left join shadows on written.connection_id = shadows.connection_id
    where shadows.connection_id is null

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
