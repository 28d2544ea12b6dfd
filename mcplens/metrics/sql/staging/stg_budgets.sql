create or replace view stg_budgets as
with

given as (

    select * from raw_budgets

),

final as (

    select
        budget_id,
        tool_pattern,
        has_server,
        quantile,
        limit_ms
    from given

)

select * from final;

comment on view stg_budgets is 'One row per budget that was given to this connection.';
comment on column stg_budgets.budget_id is 'The budget.';
comment on column stg_budgets.tool_pattern is
'Regular expression for the names of the tools it is for.';
comment on column stg_budgets.has_server is
'Whether the expression may be for a name with server: before it, too.';
comment on column stg_budgets.quantile is 'The share of calls that must keep it, 0 to 1.';
comment on column stg_budgets.limit_ms is
'The longest these may take, in ms; NULL when it is about success alone.';
