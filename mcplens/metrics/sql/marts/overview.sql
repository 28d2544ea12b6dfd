-- The first screen: how much was recorded, and how it went. Calls here are what tool_metrics counts.
create or replace view overview as
with

ended as (

    select * from stg_events

),

still_open as (

    select * from stg_open_events

),

everything as (

    select * from ended
    union all
    select * from still_open

),

requests as (

    select
        min(started_at) as first_at,
        max(started_at) as last_at,
        count(*) as request_count,
        count(distinct session_id) as session_count,
        count(distinct server_name) as server_count,
        count(*) filter (where is_final and outcome is null) as open_count,
        count(*) filter (where is_final and is_warmup and outcome is not null) as warmup_count,
        count(*) filter (
            where is_final and method <> 'tools/call' and outcome is not null and is_warmup is not true
        ) as other_call_count
    from everything

),

by_tool as (

    select
        server_name,
        tool_name,
        count(*) as call_count,
        count(*) filter (where is_success) as success_count,
        count(*) filter (where not is_success) as failure_count,
        count(*) filter (where outcome = 'cancelled') as cancelled_count,
        count(*) filter (where outcome = 'unknown') as unknown_count,
        count(*) filter (where is_caller_error) as caller_error_count
    from int_tool_calls
    group by server_name, tool_name

),

tools as (

    select
        count(*) as tool_count,
        cast(coalesce(sum(call_count), 0) as bigint) as call_count,
        cast(coalesce(sum(success_count), 0) as bigint) as success_count,
        cast(coalesce(sum(failure_count), 0) as bigint) as failure_count,
        cast(coalesce(sum(cancelled_count), 0) as bigint) as cancelled_count,
        cast(coalesce(sum(unknown_count), 0) as bigint) as unknown_count,
        cast(coalesce(sum(caller_error_count), 0) as bigint) as caller_error_count
    from by_tool

),

links as (

    select count(*) as connection_count
    from stg_connections
    where shadowed_by is null

),

recordings as (

    select
        count(*) as run_count,
        sum(recorder_cpu_ms) as recorder_cpu_ms
    from stg_runs

),

losses as (

    select cast(coalesce(sum(lost_count), 0) as bigint) as lost_count
    from int_losses

),

seen as (

    select count(*) as notice_count
    from stg_notices

),

final as (

    select
        requests.first_at,
        requests.last_at,

        recordings.run_count,
        links.connection_count,
        requests.session_count,
        requests.server_count,
        tools.tool_count,

        tools.call_count,
        tools.success_count,
        tools.failure_count,
        tools.cancelled_count,
        tools.caller_error_count,
        case
            when tools.success_count + tools.failure_count > 0 and tools.unknown_count = 0
                then
                    cast(tools.success_count as double)
                    / cast(tools.success_count + tools.failure_count as double)
        end as success_rate,
        case
            when tools.success_count + tools.failure_count > 0 and tools.unknown_count = 0
                then
                    cast(tools.failure_count as double)
                    / cast(tools.success_count + tools.failure_count as double)
        end as failure_rate,
        requests.open_count,
        requests.warmup_count,
        requests.other_call_count,
        requests.request_count,

        seen.notice_count,
        losses.lost_count,
        recordings.recorder_cpu_ms,

        tools.unknown_count
    from requests
    cross join tools
    cross join links
    cross join recordings
    cross join losses
    cross join seen

)

select * from final;

comment on view overview is 'One row per connection to a store: how much was recorded, and how it went.';
comment on column overview.first_at is 'When the first request was seen, UTC.';
comment on column overview.last_at is 'When the last request was seen, UTC.';
comment on column overview.run_count is 'Recordings.';
comment on column overview.connection_count is 'Connections.';
comment on column overview.session_count is 'Sessions.';
comment on column overview.server_count is 'Servers.';
comment on column overview.tool_count is 'Tools that were called.';
comment on column overview.call_count is
'Finished tool calls: successes, failures, cancelled and unknown ones.';
comment on column overview.success_count is 'Tool calls that ended ok and without an error class.';
comment on column overview.failure_count is 'Tool calls that failed, timed out, or never got an answer.';
comment on column overview.cancelled_count is 'Tool calls that the caller no longer wanted.';
comment on column overview.caller_error_count is
'Failures that were the caller''s fault: wrong arguments or an unknown tool.';
comment on column overview.success_rate is
'Successes of successes and failures, 0 to 1; NULL where some endings are unknown.';
comment on column overview.failure_rate is
'Failures of successes and failures, 0 to 1; NULL where some endings are unknown.';
comment on column overview.open_count is 'Calls that have not ended.';
comment on column overview.warmup_count is 'Finished calls that only warmed a server up.';
comment on column overview.other_call_count is 'Finished calls of prompts and resources.';
comment on column overview.request_count is 'Requests of every method.';
comment on column overview.notice_count is 'Things seen or met that are no request.';
comment on column overview.lost_count is 'Messages and events that recorders had to drop.';
comment on column overview.recorder_cpu_ms is 'CPU time that recording used, in ms.';
comment on column overview.unknown_count is 'Tool calls of imported logs that do not say how they ended.';
