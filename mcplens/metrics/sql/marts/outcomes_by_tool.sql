-- How the calls of each tool ended. Counts what tool_metrics counts; the shares of a tool add up to 1.
create or replace view outcomes_by_tool as
with

tool_calls as (

    select * from int_tool_calls

),

counted as (

    select
        server_name,
        tool_name,
        outcome,
        error_class,
        count(*) as call_count
    from tool_calls
    group by server_name, tool_name, outcome, error_class

),

final as (

    select
        server_name,
        tool_name,
        outcome,
        error_class,
        call_count,
        cast(call_count as double) / cast(
            sum(call_count) over (partition by server_name, tool_name) as double
        ) as call_share
    from counted

)

select * from final;

comment on view outcomes_by_tool is 'One row per server, tool, outcome and error class.';
comment on column outcomes_by_tool.server_name is 'The server.';
comment on column outcomes_by_tool.tool_name is 'The tool.';
comment on column outcomes_by_tool.outcome is 'How these calls ended.';
comment on column outcomes_by_tool.error_class is 'Why they failed; NULL when they did not or nobody knows.';
comment on column outcomes_by_tool.call_count is 'Calls that ended so.';
comment on column outcomes_by_tool.call_share is 'Their share of the finished calls of the tool, 0 to 1.';
