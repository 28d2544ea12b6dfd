-- What a budget is judged by: counts, and what was observed. The judgement itself is made elsewhere. A call
-- without an answer is over every limit; a cancelled one counts for nothing, and so does every one of a tool
-- of which some ended nobody knows how; warm-ups are not here at all.
create or replace view budget_counts as
with

budgets as (

    select * from stg_budgets

),

tool_calls as (

    select * from int_tool_calls

),

tools as (

    select
        server_name,
        tool_name,
        bool_or(outcome = 'unknown') as has_unknown
    from tool_calls
    group by server_name, tool_name

),

covered as (

    select
        budgets.budget_id,
        budgets.quantile,
        budgets.limit_ms,
        tools.server_name,
        tools.tool_name,
        tools.has_unknown
    from budgets
    inner join tools
        on
            regexp_matches(tools.tool_name, budgets.tool_pattern)
            or (
                budgets.has_server
                and regexp_matches(
                    coalesce(tools.server_name, '') || ':' || tools.tool_name, budgets.tool_pattern
                )
            )

),

judged as (

    select
        covered.*,
        tool_calls.call_id,
        tool_calls.session_id,
        tool_calls.outcome <> 'cancelled' and not covered.has_unknown as is_judged,
        tool_calls.is_success,
        tool_calls.is_without_answer,
        tool_calls.is_without_answer or tool_calls.measured_ms > covered.limit_ms as is_over,
        case when not covered.has_unknown then tool_calls.measured_ms end as measured_ms,
        row_number() over (
            partition by covered.budget_id, covered.server_name, covered.tool_name
            order by tool_calls.measured_ms desc nulls last, tool_calls.call_id asc
        ) as slowness
    from covered
    inner join tool_calls
        on
            covered.server_name is not distinct from tool_calls.server_name
            and covered.tool_name = tool_calls.tool_name

),

counted as (

    select
        budget_id,
        server_name,
        tool_name,
        quantile,
        limit_ms,
        count(*) filter (where is_judged) as call_count,
        case
            when limit_ms is not null then count(*) filter (where is_judged and is_over)
        end as over_count,
        count(*) filter (where is_judged and is_without_answer) as without_answer_count,
        count(*) filter (where is_judged and is_success) as success_count,
        count(*) filter (where is_judged and not is_success) as failure_count,
        -- A quantile cannot be taken from a column, and working it out by hand is off in the last digit.
        quantile_cont(
            measured_ms,
            [
                cast(0.5 as double),
                cast(0.75 as double),
                cast(0.8 as double),
                cast(0.9 as double),
                cast(0.95 as double),
                cast(0.98 as double),
                cast(0.99 as double),
                cast(0.995 as double),
                cast(0.999 as double)
            ]
        ) as all_ms,
        max(measured_ms) as slowest_ms,
        max(case when slowness = 1 and measured_ms is not null then call_id end) as slowest_call_id,
        max(case when slowness = 1 and measured_ms is not null then session_id end) as slowest_session_id
    from judged
    group by budget_id, server_name, tool_name, quantile, limit_ms

),

observed as (

    select
        *,
        case quantile
            when cast(0.5 as double) then all_ms[1]
            when cast(0.75 as double) then all_ms[2]
            when cast(0.8 as double) then all_ms[3]
            when cast(0.9 as double) then all_ms[4]
            when cast(0.95 as double) then all_ms[5]
            when cast(0.98 as double) then all_ms[6]
            when cast(0.99 as double) then all_ms[7]
            when cast(0.995 as double) then all_ms[8]
            when cast(0.999 as double) then all_ms[9]
        end as observed_ms
    from counted

),

final as (

    select
        budget_id,
        server_name,
        tool_name,

        quantile,
        limit_ms,

        call_count,
        over_count,
        without_answer_count,
        success_count,
        failure_count,

        observed_ms,
        case when limit_ms > 0 then observed_ms / limit_ms end as budget_ratio,
        -- A call without an answer has no time that could move the quantile, and is over all the same.
        case
            when limit_ms is not null
                then
                    coalesce(observed_ms > limit_ms, false)
                    -- A little less, so that 95 % of 20 calls are 19 in spite of rounding.
                    or over_count > call_count - ceil(quantile * call_count - cast(1e-9 as double))
        end as is_over,
        slowest_ms,
        slowest_call_id,
        slowest_session_id
    from observed

)

select * from final;

comment on view budget_counts is
'One row per budget and tool it covers, with what the budget is judged by; empty until budgets are given.';
comment on column budget_counts.budget_id is 'The budget.';
comment on column budget_counts.server_name is 'The server.';
comment on column budget_counts.tool_name is 'The tool.';
comment on column budget_counts.quantile is
'The share of calls that must keep the budget: 0.5, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995 or 0.999.';
comment on column budget_counts.limit_ms is
'The longest these may take, in ms; NULL when it is about success alone.';
comment on column budget_counts.call_count is 'Calls it is judged by: finished, not cancelled, not warm-ups.';
comment on column budget_counts.over_count is
'Those over the limit: slower, or without an answer; NULL without a limit.';
comment on column budget_counts.without_answer_count is
'Those that no answer came to while the caller waited.';
comment on column budget_counts.success_count is 'Those that ended ok and without an error class.';
comment on column budget_counts.failure_count is 'Those that failed.';
comment on column budget_counts.observed_ms is
'The quantile as observed, in ms; interpolated, the same as in tool_metrics; NULL where no call is judged.';
comment on column budget_counts.budget_ratio is
'The observed quantile as a multiple of the limit; NULL without a limit, or where no call was answered.';
comment on column budget_counts.is_over is
'Whether these calls missed it, by their times or for want of answers; no verdict on others to come.';
comment on column budget_counts.slowest_ms is 'The slowest of these calls, in ms.';
comment on column budget_counts.slowest_call_id is 'The slowest of these calls.';
comment on column budget_counts.slowest_session_id is 'The session of the slowest of these calls.';
