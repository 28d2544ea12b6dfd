-- How each server stands, over all its tools. Counts what tool_metrics counts. A server that was started and
-- never called stands here too.
create or replace view server_metrics as
with

tool_calls as (

    select * from int_tool_calls

),

links as (

    select * from stg_connections
    where shadowed_by is null

),

called as (

    select
        server_name,
        count(distinct tool_name) as tool_count,
        count(*) as call_count,
        count(*) filter (where is_success) as success_count,
        count(*) filter (where not is_success) as failure_count,
        count(*) filter (where outcome = 'cancelled') as cancelled_count,
        count(*) filter (where outcome = 'unknown') as unknown_count,
        quantile_cont(measured_ms, [cast(0.5 as double), cast(0.95 as double)]) as all_ms,
        max(started_at) as last_at
    from tool_calls
    group by server_name

),

started as (

    select
        server_name,
        count(*) as connection_count,
        max(coalesce(ended_at, spawned_at)) as last_at
    from links
    group by server_name

),

known as (

    select server_name from called
    union
    select server_name from started

),

final as (

    select
        known.server_name,

        coalesce(started.connection_count, 0) as connection_count,
        coalesce(called.tool_count, 0) as tool_count,
        coalesce(called.call_count, 0) as call_count,
        coalesce(called.success_count, 0) as success_count,
        coalesce(called.failure_count, 0) as failure_count,
        coalesce(called.cancelled_count, 0) as cancelled_count,
        case
            when called.success_count + called.failure_count > 0 and called.unknown_count = 0
                then
                    cast(called.failure_count as double)
                    / cast(called.success_count + called.failure_count as double)
        end as failure_rate,

        called.all_ms[1] as p50_ms,
        called.all_ms[2] as p95_ms,

        case
            when called.last_at is null or started.last_at > called.last_at then started.last_at
            else called.last_at
        end as last_at
    from known
    left join called on known.server_name is not distinct from called.server_name
    left join started on known.server_name is not distinct from started.server_name

)

select * from final;

comment on view server_metrics is
'One row per server: how often it was started and called, how that ended, how long it took.';
comment on column server_metrics.server_name is 'The server.';
comment on column server_metrics.connection_count is 'Connections to it.';
comment on column server_metrics.tool_count is 'Its tools that were called.';
comment on column server_metrics.call_count is
'Finished tool calls: successes, failures, cancelled and unknown ones.';
comment on column server_metrics.success_count is 'Tool calls that ended ok and without an error class.';
comment on column server_metrics.failure_count is
'Tool calls that failed, timed out, or never got an answer.';
comment on column server_metrics.cancelled_count is 'Tool calls that the caller no longer wanted.';
comment on column server_metrics.failure_rate is 'Failures of successes and failures, 0 to 1.';
comment on column server_metrics.p50_ms is
'Half of its tool calls took at most this long, in ms; interpolated.';
comment on column server_metrics.p95_ms is
'95 of 100 of its tool calls took at most this long, in ms; interpolated.';
comment on column server_metrics.last_at is 'When it was last called, or else last connected, UTC.';
