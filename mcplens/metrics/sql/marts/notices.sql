-- What was seen beside requests and answers: lines that are no JSON, late or doubled answers, log messages,
-- losses.
create or replace view notices as
with

seen as (

    select * from stg_notices

),

links as (

    select * from stg_connections

),

final as (

    select
        seen.notice_id,
        seen.run_id,
        seen.connection_id,
        links.server_name,
        seen.noticed_at,
        seen.kind,
        seen.direction,
        seen.method,
        seen.request_id,
        seen.detail,
        seen.size_bytes,
        seen.lost_count
    from seen
    left join links on seen.connection_id = links.connection_id

)

select * from final;

comment on view notices is 'One row per thing seen on the wire, or met by the recorder, that is no request.';
comment on column notices.notice_id is 'The notice.';
comment on column notices.run_id is 'The recording this row belongs to.';
comment on column notices.connection_id is 'The connection it was seen on.';
comment on column notices.server_name is 'The server.';
comment on column notices.noticed_at is 'When it was seen, UTC.';
comment on column notices.kind is 'What it was, such as not_json or late_answer.';
comment on column notices.direction is 'to_server when the client sent it, to_client when the server did.';
comment on column notices.method is 'The JSON-RPC method, if it had one.';
comment on column notices.request_id is 'The JSON-RPC id as JSON text, if it had one.';
comment on column notices.detail is 'One line that says more, without contents.';
comment on column notices.size_bytes is 'Its size on the wire, in bytes.';
comment on column notices.lost_count is 'How many messages or events were lost.';
