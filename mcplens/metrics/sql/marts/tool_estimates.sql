-- How long each tool takes, from bins: what tool_metrics says exactly, for stores so large that holding all
-- times takes too much memory. A time stands for its bin's middle, which is at most 1 % off; and it is the
-- time of a call, where tool_metrics reckons a time between two calls.
create or replace view tool_estimates as
with

tool_calls as (

    select * from int_tool_calls

),

by_bin as (

    select
        server_name,
        tool_name,
        measured_bin,
        count(*) as call_count
    from tool_calls
    where measured_bin is not null
    group by server_name, tool_name, measured_bin

),

ranked as (

    select
        server_name,
        tool_name,
        call_count,
        -- The bins' upper ends are the powers of 1.02.
        2 * power(cast(1.02 as double), measured_bin) / cast(2.02 as double) as bin_ms,
        cast(sum(call_count) over up_to as double) as up_to_count,
        cast(sum(call_count) over tool as double) as tool_count
    from by_bin
    window
        tool as (partition by server_name, tool_name),
        up_to as (
            partition by server_name, tool_name
            order by measured_bin
        )

),

final as (

    select
        server_name,
        tool_name,
        cast(sum(call_count) as bigint) as measured_count,
        min(bin_ms) filter (where up_to_count >= tool_count * cast(0.5 as double)) as p50_ms,
        min(bin_ms) filter (where up_to_count >= tool_count * cast(0.9 as double)) as p90_ms,
        min(bin_ms) filter (where up_to_count >= tool_count * cast(0.95 as double)) as p95_ms,
        min(bin_ms) filter (where up_to_count >= tool_count * cast(0.99 as double)) as p99_ms
    from ranked
    group by server_name, tool_name

)

select * from final;

comment on view tool_estimates is
'One row per server and tool: how long it takes, each time within 1 % and in little memory.';
comment on column tool_estimates.server_name is 'The server.';
comment on column tool_estimates.tool_name is 'The tool.';
comment on column tool_estimates.measured_count is 'Calls whose time counts: answered ones and timeouts.';
comment on column tool_estimates.p50_ms is
'Half of the calls took at most about this long, in ms; within 1 % of a call''s own time.';
comment on column tool_estimates.p90_ms is
'90 of 100 calls took at most about this long, in ms; within 1 % of a call''s own time.';
comment on column tool_estimates.p95_ms is
'95 of 100 calls took at most about this long, in ms; within 1 % of a call''s own time.';
comment on column tool_estimates.p99_ms is
'99 of 100 calls took at most about this long, in ms; within 1 % of a call''s own time.';
