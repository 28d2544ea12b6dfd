-- A connection is written down when it opens, when both ends are known, and when it ends: the newest row
-- counts. Rows written in the same moment are told apart by how much they know.
create or replace view stg_connections as
with

written as (

    select * from raw_connections

),

shadows as (

    select * from raw_shadowed

),

ranked as (

    select
        *,
        row_number() over (
            partition by connection_id
            order by
                recorded_at desc nulls last,
                ended_at desc nulls last,
                first_answered_at desc nulls last,
                server_version desc nulls last,
                client_name desc nulls last,
                server_name desc nulls last
        ) as age
    from written

),

final as (

    select
        ranked.connection_id,
        ranked.run_id,
        ranked.observer,
        ranked.transport,
        ranked.command,
        ranked.address,
        ranked.spawned_at,
        ranked.first_answered_at,
        ranked.ended_at,
        ranked.end_reason,
        ranked.exit_code,
        ranked.client_name,
        ranked.client_version,
        ranked.server_name,
        ranked.server_basis,
        ranked.server_version,
        ranked.protocol_version,
        ranked.client_process_id,
        shadows.shadowed_by,
        ranked.first_request_at,
        ranked.opening_hash,
        ranked.recorded_at
    from ranked
    left join shadows on ranked.connection_id = shadows.connection_id
    where ranked.age = 1

)

select * from final;

comment on view stg_connections is 'One row per connection between a client and a server.';
comment on column stg_connections.connection_id is 'The connection.';
comment on column stg_connections.run_id is 'The recording this row belongs to.';
comment on column stg_connections.observer is 'Where the recorder stood: proxy, client, server or import.';
comment on column stg_connections.transport is 'stdio, http, sse or memory.';
comment on column stg_connections.command is 'The server''s command after redaction.';
comment on column stg_connections.address is 'The server''s address without query string or credentials.';
comment on column stg_connections.spawned_at is 'When the server was started or the connection opened, UTC.';
comment on column stg_connections.first_answered_at is 'When the server''s first answer was seen, UTC.';
comment on column stg_connections.ended_at is 'When the connection ended, UTC.';
comment on column stg_connections.end_reason is
'Who ended it: client_closed, server_exited, signal, recorder_died or log_ended.';
comment on column stg_connections.exit_code is 'The server''s exit code; a negative number is a signal.';
comment on column stg_connections.client_name is 'What the client calls itself.';
comment on column stg_connections.client_version is 'The client''s version by its own word.';
comment on column stg_connections.server_name is 'The server.';
comment on column stg_connections.server_basis is
'How the server''s name is known: option, handshake, command or log.';
comment on column stg_connections.server_version is 'The server''s version by its own word.';
comment on column stg_connections.protocol_version is 'The MCP version that was spoken, such as 2026-07-28.';
comment on column stg_connections.client_process_id is
'Keyed hash of the process that the client is; NULL where unknown.';
comment on column stg_connections.shadowed_by is
'The connection that recorded the same traffic from further out.';
comment on column stg_connections.first_request_at is 'When the client''s first request was seen, UTC.';
comment on column stg_connections.opening_hash is
'How many of the first three requests came, and keyed hashes of what they were.';
comment on column stg_connections.recorded_at is 'When the recorder wrote the row into its spool, UTC.';
