-- What a second observer saw of calls that count already, as the first one saw them: only what hops needs.
create or replace view stg_shadowed_calls as
with

ended as (

    select * from raw_events
    where
        outcome is not null
        and is_final

),

shadows as (

    select * from raw_shadowed

),

final as (

    select
        ended.event_id,
        ended.connection_id,
        shadows.shadowed_by,
        ended.observer,
        ended.sequence,
        ended.request_id,
        ended.method,
        ended.target,
        ended.started_at,
        ended.outcome,
        ended.duration_ms,
        ended.wait_ms,
        ended.work_ms
    from ended
    inner join shadows on ended.connection_id = shadows.connection_id

)

select * from final;

comment on view stg_shadowed_calls is
'One row per finished call that an observer further out saw, too.';
comment on column stg_shadowed_calls.event_id is 'The request; run and sequence together.';
comment on column stg_shadowed_calls.connection_id is 'The connection it travelled on.';
comment on column stg_shadowed_calls.shadowed_by is
'The connection that recorded the same traffic from further out.';
comment on column stg_shadowed_calls.observer is
'Where the recorder stood: proxy, client, server or import.';
comment on column stg_shadowed_calls.sequence is
'Counts the requests of a run from 1; a gap is a lost event.';
comment on column stg_shadowed_calls.request_id is
'The JSON-RPC id as JSON text, so that 7 and "7" differ.';
comment on column stg_shadowed_calls.method is 'The JSON-RPC method, such as tools/call.';
comment on column stg_shadowed_calls.target is
'The tool, prompt or resource asked for; of a URI never the query string.';
comment on column stg_shadowed_calls.started_at is 'When the request was seen, UTC.';
comment on column stg_shadowed_calls.outcome is 'How it ended, as this observer saw it.';
comment on column stg_shadowed_calls.duration_ms is 'Request seen to answer seen, in ms.';
comment on column stg_shadowed_calls.wait_ms is
'The part of the duration spent on a person or a model, in ms.';
comment on column stg_shadowed_calls.work_ms is 'The rest of the duration, in ms.';
