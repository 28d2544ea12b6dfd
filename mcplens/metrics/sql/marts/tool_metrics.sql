-- How each tool behaves. Every finished call counts, also those that failed: a fast error is still an error.
-- Left out are open calls, which have not ended, and warm-up calls, which no budget is judged by either.
create or replace view tool_metrics as
with

tool_calls as (

    select * from int_tool_calls

),

counted as (

    select
        server_name,
        tool_name,
        count(*) as call_count,
        count(*) filter (where is_success) as success_count,
        count(*) filter (where not is_success) as failure_count,
        count(*) filter (where outcome = 'cancelled') as cancelled_count,
        count(*) filter (where outcome = 'unknown') as unknown_count,
        count(*) filter (where is_caller_error) as caller_error_count,
        avg(measured_ms) as avg_ms,
        max(measured_ms) as max_ms,
        quantile_cont(
            measured_ms,
            [cast(0.5 as double), cast(0.9 as double), cast(0.95 as double), cast(0.99 as double)]
        ) as all_ms,
        quantile_cont(
            case when is_success then measured_ms end, [cast(0.5 as double), cast(0.95 as double)]
        ) as ok_ms
    from tool_calls
    group by server_name, tool_name

),

rated as (

    select
        *,
        case when unknown_count = 0 then cast(success_count + failure_count as double) else 0 end as n,
        case
            -- Logs often tell of failures and never of successes: a rate of those alone would be wrong.
            when success_count + failure_count > 0 and unknown_count = 0
                then cast(success_count as double) / cast(success_count + failure_count as double)
        end as success_rate,
        -- The square of 1.96, the width of a normal curve that leaves 5 % outside.
        cast(3.841458820694124 as double) as z2
    from counted

),

wilson as (

    select
        *,
        case when n > 0 then (success_rate + z2 / (2 * n)) / (1 + z2 / n) end as middle,
        case
            when n > 0
                then sqrt(z2 * (success_rate * (1 - success_rate) / n + z2 / (4 * n * n))) / (1 + z2 / n)
        end as reach
    from rated

),

final as (

    select
        server_name,
        tool_name,

        call_count,
        success_count,
        failure_count,
        cancelled_count,
        caller_error_count,

        success_rate,
        -- Of all or none the interval ends exactly at 1 or 0; arithmetic would leave it a hair off.
        case when success_count > 0 then middle - reach when n > 0 then 0 end as success_low,
        case when failure_count > 0 then middle + reach when n > 0 then 1 end as success_high,

        avg_ms,
        all_ms[1] as p50_ms,
        all_ms[2] as p90_ms,
        all_ms[3] as p95_ms,
        all_ms[4] as p99_ms,
        max_ms,
        ok_ms[1] as ok_p50_ms,
        ok_ms[2] as ok_p95_ms,

        case when n > 0 then cast(failure_count as double) / n end as failure_rate,
        unknown_count
    from wilson

)

select * from final;

comment on view tool_metrics is
'One row per server and tool: how often it was called, how it ended, how long it took.';
comment on column tool_metrics.server_name is 'The server.';
comment on column tool_metrics.tool_name is 'The tool.';
comment on column tool_metrics.call_count is
'Finished calls: successes, failures, cancelled and unknown ones.';
comment on column tool_metrics.success_count is 'Calls that ended ok and without an error class.';
comment on column tool_metrics.failure_count is 'Calls that failed, timed out, or never got an answer.';
comment on column tool_metrics.cancelled_count is
'Calls that the caller no longer wanted; they count neither as success nor as failure.';
comment on column tool_metrics.caller_error_count is
'Failures that were the caller''s fault: wrong arguments or an unknown tool.';
comment on column tool_metrics.success_rate is
'Successes of successes and failures, 0 to 1; NULL where some endings are unknown.';
comment on column tool_metrics.success_low is
'Lower end of the 95 % interval of the success rate (Wilson); far from the rate where calls are few.';
comment on column tool_metrics.success_high is 'Upper end of the 95 % interval of the success rate (Wilson).';
comment on column tool_metrics.avg_ms is 'Mean time of a call, in ms.';
comment on column tool_metrics.p50_ms is 'Half of the calls took at most this long, in ms; interpolated.';
comment on column tool_metrics.p90_ms is '90 of 100 calls took at most this long, in ms; interpolated.';
comment on column tool_metrics.p95_ms is '95 of 100 calls took at most this long, in ms; interpolated.';
comment on column tool_metrics.p99_ms is '99 of 100 calls took at most this long, in ms; interpolated.';
comment on column tool_metrics.max_ms is 'The slowest call, in ms.';
comment on column tool_metrics.ok_p50_ms is 'Half of the successful calls took at most this long, in ms.';
comment on column tool_metrics.ok_p95_ms is '95 of 100 successful calls took at most this long, in ms.';
comment on column tool_metrics.failure_rate is 'Failures of successes and failures, 0 to 1.';
comment on column tool_metrics.unknown_count is
'Calls that imported logs do not say the end of; they count neither as success nor as failure.';
