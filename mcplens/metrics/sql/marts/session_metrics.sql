-- How each session went: what was called, what failed, what was tried again, and how it ended. Here counts
-- everything that happened, also open calls and warm-ups. terminal_state: running while a connection of it
-- has not ended; else by its last call: completed (it succeeded), failed (it was answered with a failure),
-- interrupted (it got no answer), cancelled, unknown (a log does not say); no_calls if there was none.
-- recovery_status: not_needed without failures; recovered if each failed call succeeded when it was made
-- again, partly_recovered if some did, not_recovered if none did; NULL where arguments were not kept even as
-- hashes, or where none failed that is known of, and some ended nobody knows how.
create or replace view session_metrics as
with

-- Kept nowhere in between: then a question about one session reaches down to the files.
ended as not materialized (

    select * from stg_events

),

still_open as not materialized (

    select * from stg_open_events

),

requests as not materialized (

    select * from ended
    union all
    select * from still_open

),

links as (

    select * from stg_connections

),

-- One step per server and tool first: counting what is distinct in each session is what costs.
by_tool as (

    select
        session_id,
        connection_id,
        server_name,
        case when is_final then tool_name end as tool_name,
        max(session_basis) as session_basis,
        max(client_name) as client_name,
        max(agent_id) as agent_id,
        min(started_at) as started_at,
        max(coalesce(ended_at, started_at)) as ended_at,
        count(*) filter (where is_final) as call_count,
        count(*) filter (where is_final and is_success) as success_count,
        count(*) filter (where is_final and not is_success) as failure_count,
        count(*) filter (where is_final and not is_success and arguments_hash is null) as unknown_count,
        bool_or(is_final and outcome = 'unknown') as has_unknown_end,
        sum(array_length(side_effects)) as side_effects,
        sum(cost_usd) as cost_usd,
        list(distinct coalesce(credential_id, credential_mode)) filter (
            where credential_id is not null or credential_mode is not null
        ) as credentials,
        arg_max(
            case
                when is_success then 'completed'
                when outcome in ('cancelled', 'unknown') then outcome
                when outcome is null or is_without_answer then 'interrupted'
                else 'failed'
            end,
            row(started_at, sequence, event_id)
        ) filter (where is_final) as last_state,
        max(row(started_at, sequence, event_id)) filter (where is_final) as last_place
    from requests
    where session_id is not null
    group by session_id, connection_id, server_name, case when is_final then tool_name end

),

-- Tries are followed within the session and among what is selected: a call that failed elsewhere is neither
-- repeated nor recovered here. Only failures and what repeats them have to be sorted.
candidates as (

    select
        session_id,
        server_name,
        method,
        target,
        arguments_hash,
        observer,
        started_at,
        sequence,
        event_id,
        coalesce(call_id, event_id) as call_id,
        is_success,
        retry_of
    from requests
    where
        is_final
        and session_id is not null
        and (not is_success or retry_of is not null)

),

beside as (

    select
        *,
        coalesce(
            retry_of = lag(call_id) over (
                partition by session_id, server_name, method, target, arguments_hash, observer
                order by started_at, sequence, event_id
            ),
            false
        ) as is_retry
    from candidates

),

chained as (

    select
        *,
        sum(case when is_retry then 0 else 1 end) over (
            partition by session_id, server_name, method, target, arguments_hash, observer
            order by started_at, sequence, event_id
        ) as chain_number
    from beside

),

settled as (

    select
        session_id,
        is_success,
        is_retry,
        bool_or(is_success) over (
            partition by session_id, server_name, method, target, arguments_hash, observer, chain_number
        ) as is_recovered
    from chained

),

tries as (

    select
        session_id,
        count(*) filter (where is_retry) as retry_count,
        count(*) filter (where not is_success and is_recovered) as recovered_count
    from settled
    group by session_id

),

-- One above the other and not side by side: then a question about one session reaches down to both.
counted as (

    select
        *,
        0 as retry_count,
        0 as recovered_count
    from by_tool
    union all by name
    select * from tries

),

by_session as (

    select
        counted.session_id,
        max(counted.session_basis) as session_basis,
        max(counted.client_name) as client_name,
        max(counted.agent_id) as agent_id,
        min(counted.started_at) as started_at,
        max(counted.ended_at) as ended_at,
        -- Before a server has said its name, requests know it by another.
        count(distinct coalesce(links.server_name, counted.server_name)) as server_count,
        count(distinct row(counted.server_name, counted.tool_name)) filter (
            where counted.tool_name is not null
        ) as tool_count,
        sum(counted.call_count) as call_count,
        sum(counted.success_count) as success_count,
        sum(counted.failure_count) as failure_count,
        sum(counted.unknown_count) as unknown_count,
        sum(counted.retry_count) as retry_count,
        sum(counted.recovered_count) as recovered_count,
        coalesce(bool_or(counted.has_unknown_end), false) as has_unknown_end,
        sum(counted.side_effects) as side_effects,
        sum(counted.cost_usd) as cost_usd,
        list(counted.credentials) filter (where counted.credentials is not null) as credentials,
        arg_max(counted.last_state, counted.last_place) as last_state,
        -- Of a connection whose recorder died nobody knows when it ended, but that it did.
        coalesce(
            bool_or(
                links.connection_id is not null
                and links.ended_at is null
                and links.end_reason is null
            ),
            false
        ) as is_running
    from counted
    left join links on counted.connection_id = links.connection_id
    group by counted.session_id

),

final as (

    select
        session_id,
        session_basis,
        client_name,
        agent_id,

        started_at,
        ended_at,
        cast(epoch_us(ended_at) - epoch_us(started_at) as double) / 1000 as duration_ms,

        server_count,
        tool_count,
        cast(call_count as bigint) as call_count,
        cast(success_count as bigint) as success_count,
        cast(failure_count as bigint) as failure_count,
        cast(retry_count as bigint) as retry_count,

        array_to_string(
            list_sort(list_distinct(flatten(credentials))), ', '
        ) as credentials_used,
        cast(side_effects as bigint) as side_effects,
        cost_usd,

        case
            when call_count = 0 then 'no_calls'
            when is_running then 'running'
            else last_state
        end as terminal_state,
        case
            when failure_count = 0 and has_unknown_end then null
            when failure_count = 0 then 'not_needed'
            when recovered_count = failure_count then 'recovered'
            when recovered_count > 0 then 'partly_recovered'
            when unknown_count < failure_count then 'not_recovered'
        end as recovery_status
    from by_session

)

select * from final;

comment on view session_metrics is 'One row per session: what was done in it, what failed, and how it ended.';
comment on column session_metrics.session_id is 'The session: the calls that belong together for the user.';
comment on column session_metrics.session_basis is
'How the session is known: handle, protocol, trace, client_process or connection.';
comment on column session_metrics.client_name is 'What the client calls itself.';
comment on column session_metrics.agent_id is 'The agent on whose behalf the client called.';
comment on column session_metrics.started_at is 'When its first request was seen, UTC.';
comment on column session_metrics.ended_at is 'When the last thing of it was seen, UTC.';
comment on column session_metrics.duration_ms is 'From the first to the last, in ms.';
comment on column session_metrics.server_count is 'Servers it talked to.';
comment on column session_metrics.tool_count is 'Tools it called.';
comment on column session_metrics.call_count is
'Calls of tools, prompts and resources, also open and cancelled ones.';
comment on column session_metrics.success_count is 'Calls that ended ok and without an error class.';
comment on column session_metrics.failure_count is 'Calls that failed, timed out, or never got an answer.';
comment on column session_metrics.retry_count is
'Calls made again, with the same arguments, after they had failed.';
comment on column session_metrics.credentials_used is
'Fingerprints or kinds of the credentials used, with commas between; NULL where unknown.';
comment on column session_metrics.side_effects is
'Things its calls changed outside of themselves; NULL where no call said.';
comment on column session_metrics.cost_usd is 'What its calls cost, in US dollars; NULL where no call said.';
comment on column session_metrics.terminal_state is
'How it ended: completed, failed, interrupted, cancelled, unknown, running or no_calls.';
comment on column session_metrics.recovery_status is
'Whether what failed succeeded later: not_needed, recovered, partly_recovered, not_recovered.';
