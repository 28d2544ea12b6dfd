-- Tries of the same call. Same means: one session, one server, one target and equal arguments, as one kind
-- of observer saw it; a try is a retry when it began after the one before it had failed, and within an hour
-- of that one's beginning. Where arguments were not even hashed, or no session is known, nothing is said.
-- Sealing writes the same into Parquet; here it is said of calls that are not sealed yet, of which
-- raw_recent_calls holds enough.
create or replace view raw_tries as
with

recent as (

    select
        *,
        case
            when outcome = 'ok' then error_class is not null
            when outcome in ('cancelled', 'unknown', 'input_required') then false
            else outcome is not null
        end as is_failed,
        -- What was written down as open counts once, as it ended.
        row_number() over (
            partition by event_id
            order by outcome is null
        ) as place
    from raw_recent_calls
    where session_id is not null

),

failed as (

    select distinct arguments_hash
    from recent
    where is_failed

),

-- Only what was asked for again after a failure has to be sorted.
candidates as (

    select recent.*
    from recent
    inner join failed on recent.arguments_hash = failed.arguments_hash
    where recent.place = 1

),

beside as (

    select
        *,
        lag(coalesce(call_id, event_id)) over same_call as earlier_id,
        lag(is_failed) over same_call as earlier_failed,
        lag(started_at) over same_call as earlier_started_at,
        lag(
            started_at
            + to_microseconds(cast(floor(least(coalesce(duration_ms, 0), 1000000000000) * 1000) as bigint))
        ) over same_call as earlier_ended_at
    from candidates
    window same_call as (
        partition by session_id, observer, server_name, method, target, arguments_hash
        order by started_at, sequence, event_id
    )

),

marked as (

    select
        *,
        coalesce(
            earlier_failed
            and earlier_ended_at <= started_at
            and started_at <= earlier_started_at + to_hours(1),
            false
        ) as is_retry
    from beside

),

-- A chain of tries begins with what is no retry, and with what is numbered already.
chained as (

    select
        *,
        sum(case when is_retry and attempt is null then 0 else 1 end) over (
            partition by session_id, observer, server_name, method, target, arguments_hash
            order by started_at, sequence, event_id
        ) as chain_number
    from marked

),

numbered as (

    select
        event_id,
        coalesce(max(attempt) over chain, 1) + row_number() over chain - 1 as attempt,
        case when is_retry then earlier_id end as retry_of
    from chained
    window chain as (
        partition by session_id, observer, server_name, method, target, arguments_hash, chain_number
        order by started_at, sequence, event_id
    )

),

final as (

    select
        recent.event_id,
        coalesce(numbered.attempt, 1) as attempt,
        numbered.retry_of
    from recent
    left join numbered on recent.event_id = numbered.event_id
    where
        recent.attempt is null
        and recent.place = 1

)

select * from final;

comment on view raw_tries is 'One row per call that is not sealed yet.';
comment on column raw_tries.event_id is 'The request; run and sequence together.';
comment on column raw_tries.attempt is 'Which try of the same call this is, from 1.';
comment on column raw_tries.retry_of is 'The failed call that this one repeats.';
