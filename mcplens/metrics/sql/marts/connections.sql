-- Every connection, also one that a second observer saw from further in.
create or replace view connections as
with

links as (

    select * from stg_connections

),

final as (

    select
        connection_id,
        run_id,
        observer,
        shadowed_by,

        server_name,
        server_basis,
        server_version,
        command,
        address,
        transport,
        protocol_version,

        client_name,
        client_version,
        client_process_id,

        spawned_at,
        first_answered_at,
        ended_at,
        end_reason,
        exit_code,

        cast(epoch_us(first_answered_at) - epoch_us(spawned_at) as double) / 1000 as startup_ms,
        cast(epoch_us(ended_at) - epoch_us(spawned_at) as double) / 1000 as duration_ms
    from links

)

select * from final;

comment on view connections is
'One row per connection between a client and a server: who, how it was started, how it ended.';
comment on column connections.connection_id is 'The connection.';
comment on column connections.run_id is 'The recording this row belongs to.';
comment on column connections.observer is 'Where the recorder stood: proxy, client, server or import.';
comment on column connections.shadowed_by is
'The connection that recorded the same traffic from further out.';
comment on column connections.server_name is 'The server.';
comment on column connections.server_basis is
'How the server''s name is known: option, handshake, command or log.';
comment on column connections.server_version is 'The server''s version by its own word.';
comment on column connections.command is 'The server''s command after redaction.';
comment on column connections.address is 'The server''s address without query string or credentials.';
comment on column connections.transport is 'stdio, http, sse or memory.';
comment on column connections.protocol_version is 'The MCP version that was spoken, such as 2026-07-28.';
comment on column connections.client_name is 'What the client calls itself.';
comment on column connections.client_version is 'The client''s version by its own word.';
comment on column connections.client_process_id is
'Keyed hash of the process that the client is; NULL where unknown.';
comment on column connections.spawned_at is 'When the server was started or the connection opened, UTC.';
comment on column connections.first_answered_at is 'When the server''s first answer was seen, UTC.';
comment on column connections.ended_at is
'When the connection ended, UTC; NULL while it is open, and where nobody saw the end.';
comment on column connections.end_reason is
'Who ended it: client_closed, server_exited, signal, recorder_died or log_ended.';
comment on column connections.exit_code is 'The server''s exit code; a negative number is a signal.';
comment on column connections.startup_ms is 'From starting the server to its first answer, in ms.';
comment on column connections.duration_ms is 'From start to end, in ms; NULL without an end.';
