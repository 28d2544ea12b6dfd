-- Where the time of a call went, from one observer to the next one further in. The two saw the same requests
-- in the same order, so that of those with one id, method and target the first is the first. A call that
-- three observers saw has two rows with one call_id: that of the outermost, under which it stands in calls.
create or replace view hops as
with

counted as (

    select * from stg_events
    where is_final

),

shadowed as (

    select * from stg_shadowed_calls

),

watched as (

    select distinct shadowed_by as connection_id
    from shadowed

),

outside as (

    select
        event_id,
        connection_id,
        observer,
        sequence,
        request_id,
        method,
        target,
        started_at,
        outcome,
        duration_ms,
        coalesce(call_id, event_id) as counted_id,
        server_name,
        tool_name
    from counted
    where connection_id in (select watched.connection_id from watched)
    union all
    select
        event_id,
        connection_id,
        observer,
        sequence,
        request_id,
        method,
        target,
        started_at,
        outcome,
        duration_ms,
        cast(null as varchar) as counted_id,
        cast(null as varchar) as server_name,
        cast(null as varchar) as tool_name
    from shadowed
    where connection_id in (select watched.connection_id from watched)

),

outer_calls as (

    select
        *,
        row_number() over (
            partition by connection_id, request_id, method, target
            order by started_at, sequence, event_id
        ) as place
    from outside

),

inner_calls as (

    select
        *,
        row_number() over (
            partition by connection_id, request_id, method, target
            order by started_at, sequence, event_id
        ) as place
    from shadowed

),

pairs as (

    select
        outer_calls.event_id as outer_event_id,
        inner_calls.event_id as inner_event_id,
        outer_calls.counted_id,
        outer_calls.server_name,
        outer_calls.tool_name,
        inner_calls.method,
        inner_calls.target,
        outer_calls.started_at,
        outer_calls.observer as outer_observer,
        inner_calls.observer as inner_observer,
        outer_calls.connection_id as outer_connection_id,
        inner_calls.connection_id as inner_connection_id,
        outer_calls.outcome as outer_outcome,
        inner_calls.outcome as inner_outcome,
        outer_calls.duration_ms as outer_duration_ms,
        inner_calls.duration_ms as inner_duration_ms,
        case when inner_calls.observer = 'server' then inner_calls.work_ms end as handler_ms
    from inner_calls
    inner join outer_calls
        on
            inner_calls.shadowed_by = outer_calls.connection_id
            and inner_calls.request_id is not distinct from outer_calls.request_id
            and inner_calls.method is not distinct from outer_calls.method
            and inner_calls.target is not distinct from outer_calls.target
            and inner_calls.place = outer_calls.place

),

-- Client, proxy and server are three, and a proxy may stand before a proxy: two steps outwards are enough.
final as (

    select
        coalesce(pairs.counted_id, one_out.counted_id, two_out.counted_id) as call_id,
        coalesce(pairs.tool_name, one_out.tool_name, two_out.tool_name) as tool_name,
        pairs.outer_observer,
        pairs.inner_observer,
        pairs.outer_duration_ms - pairs.inner_duration_ms as transport_ms,
        pairs.handler_ms,
        pairs.outer_duration_ms,
        pairs.inner_duration_ms,

        coalesce(pairs.server_name, one_out.server_name, two_out.server_name) as server_name,
        pairs.method,
        pairs.target,
        pairs.started_at,

        pairs.outer_outcome,
        pairs.inner_outcome,
        pairs.outer_connection_id,
        pairs.inner_connection_id
    from pairs
    left join pairs as one_out on pairs.outer_event_id = one_out.inner_event_id
    left join pairs as two_out on one_out.outer_event_id = two_out.inner_event_id

)

select * from final;

comment on view hops is
'One row per call and pair of observers that saw it, one behind the other: where its time went.';
comment on column hops.call_id is 'The call, as it stands in calls.';
comment on column hops.server_name is 'The server.';
comment on column hops.tool_name is 'The tool; NULL for prompts and resources.';
comment on column hops.method is 'The JSON-RPC method, such as tools/call.';
comment on column hops.target is 'The tool, prompt or resource asked for; of a URI never the query string.';
comment on column hops.started_at is 'When the outer observer saw the request, UTC.';
comment on column hops.outer_observer is 'The one nearer to the client: client, proxy or server.';
comment on column hops.inner_observer is 'The one nearer to the server: proxy, server or import.';
comment on column hops.outer_duration_ms is 'Request to answer as the outer observer saw it, in ms.';
comment on column hops.inner_duration_ms is 'Request to answer as the inner observer saw it, in ms.';
comment on column hops.transport_ms is
'What was spent between the two, there and back, in ms; NULL where either is unknown.';
comment on column hops.handler_ms is
'What the server itself took, without waiting for a person or a model, in ms; NULL unless it recorded.';
comment on column hops.outer_outcome is 'How it ended for the outer observer.';
comment on column hops.inner_outcome is
'How it ended for the inner one; another where one gave up before the other was done.';
comment on column hops.outer_connection_id is 'The connection as the outer observer recorded it.';
comment on column hops.inner_connection_id is 'The connection as the inner observer recorded it.';
