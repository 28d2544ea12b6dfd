-- How the calls of each tool ended. Counts what tool_metrics counts; the shares of a tool add up to 1.
create or replace view outcomes_by_tool as
with

tool_calls as (

    select * from int_tool_calls

),

named as (

    select
        server_name,
        tool_name,
        is_success,
        case
            when outcome in ('ok', 'tool_error', 'protocol_error') then coalesce(error_class, outcome)
            else outcome
        end as ending
    from tool_calls

),

counted as (

    select
        server_name,
        tool_name,
        ending,
        is_success,
        count(*) as call_count
    from named
    group by server_name, tool_name, ending, is_success

),

final as (

    select
        server_name,
        tool_name,
        ending,
        coalesce(not is_success, false) as is_failure,
        call_count,
        cast(call_count as double) / cast(
            sum(call_count) over (partition by server_name, tool_name) as double
        ) as call_share,
        case
            when not is_success and not bool_or(ending = 'unknown') over (partition by server_name, tool_name)
                then
                    cast(call_count as double)
                    / cast(
                        sum(case when is_success is not null then call_count end)
                            over (partition by server_name, tool_name)
                        as double
                    )
        end as failure_rate
    from counted

)

select * from final;

comment on view outcomes_by_tool is 'One row per server, tool and way its calls ended.';
comment on column outcomes_by_tool.server_name is 'The server.';
comment on column outcomes_by_tool.tool_name is 'The tool.';
comment on column outcomes_by_tool.ending is
'The error class of an answer that has one, else the outcome: how these calls ended, in one word.';
comment on column outcomes_by_tool.is_failure is 'Whether this ending is a failure.';
comment on column outcomes_by_tool.call_count is 'Calls that ended so.';
comment on column outcomes_by_tool.call_share is 'Their share of the finished calls of the tool, 0 to 1.';
comment on column outcomes_by_tool.failure_rate is
'Of a failure its share of the tool''s successes and failures, 0 to 1; adds up to that of tool_metrics.';
