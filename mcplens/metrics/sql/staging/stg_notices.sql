-- What a second observer saw of the same connection is left out; what its recorder met itself is not.
create or replace view stg_notices as
with

written as (

    select * from raw_notices

),

shadows as (

    select connection_id from raw_shadowed

),

final as (

    select
        written.notice_id,
        written.run_id,
        written.connection_id,
        written.noticed_at,
        written.kind,
        written.direction,
        written.method,
        written.request_id,
        written.detail,
        written.size_bytes,
        written.lost_count,
        written.recorded_at
    from written
    left join shadows on written.connection_id = shadows.connection_id
    where
        shadows.connection_id is null
        or written.kind in ('lost', 'recorder_trouble')

)

select * from final;

comment on view stg_notices is
'One row per thing seen on the wire, or met by the recorder, that is no request.';
comment on column stg_notices.notice_id is 'The notice.';
comment on column stg_notices.run_id is 'The recording this row belongs to.';
comment on column stg_notices.connection_id is 'The connection it was seen on.';
comment on column stg_notices.noticed_at is 'When it was seen, UTC.';
comment on column stg_notices.kind is 'What it was, such as not_json or late_answer.';
comment on column stg_notices.direction is
'to_server when the client sent it, to_client when the server did.';
comment on column stg_notices.method is 'The JSON-RPC method, if it had one.';
comment on column stg_notices.request_id is 'The JSON-RPC id as JSON text, if it had one.';
comment on column stg_notices.detail is 'One line that says more, without contents.';
comment on column stg_notices.size_bytes is 'Its size on the wire, in bytes.';
comment on column stg_notices.lost_count is 'How many messages or events were lost.';
comment on column stg_notices.recorded_at is 'When the recorder wrote the row into its spool, UTC.';
