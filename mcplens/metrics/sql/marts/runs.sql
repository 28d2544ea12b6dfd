-- Recordings, with what they hold and what they lost. A run whose own row is gone is known by its requests.
create or replace view runs as
with

recordings as (

    select * from stg_runs

),

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
        run_id,
        min(started_at) as first_request_at,
        max(started_at) as last_request_at,
        count(*) as request_count,
        count(*) filter (where is_final) as call_count,
        count(*) filter (where is_final and outcome is null) as open_count
    from everything
    group by run_id

),

links as (

    select
        run_id,
        count(*) as connection_count
    from stg_connections
    group by run_id

),

losses as (

    select * from int_losses

),

known as (

    select run_id from recordings
    union
    select run_id from requests

),

final as (

    select
        known.run_id,
        recordings.label,
        recordings.observer,
        recordings.keep,
        recordings.mcplens_version,

        coalesce(recordings.started_at, requests.first_request_at) as started_at,
        recordings.ended_at,
        requests.last_request_at,

        coalesce(links.connection_count, 0) as connection_count,
        coalesce(requests.request_count, 0) as request_count,
        coalesce(requests.call_count, 0) as call_count,
        coalesce(requests.open_count, 0) as open_count,
        coalesce(losses.lost_count, 0) as lost_count,
        recordings.recorder_cpu_ms
    from known
    left join recordings on known.run_id = recordings.run_id
    left join requests on known.run_id = requests.run_id
    left join links on known.run_id = links.run_id
    left join losses on known.run_id = losses.run_id

)

select * from final;

comment on view runs is 'One row per recording: what it holds, what it lost, what it cost.';
comment on column runs.run_id is 'The recording.';
comment on column runs.label is 'The run''s label.';
comment on column runs.observer is 'Where the recorder stood.';
comment on column runs.keep is 'What of contents was kept: none, shape or full.';
comment on column runs.mcplens_version is 'The mcplens that recorded.';
comment on column runs.started_at is 'When recording began, UTC.';
comment on column runs.ended_at is 'When recording ended, UTC; NULL while it goes on or if it died.';
comment on column runs.last_request_at is 'When the last request was seen, UTC.';
comment on column runs.connection_count is 'Connections recorded.';
comment on column runs.request_count is 'Requests recorded, of every method.';
comment on column runs.call_count is
'Calls recorded: of tools, prompts and resources, also open ones and warm-ups.';
comment on column runs.open_count is 'Calls that have not ended.';
comment on column runs.lost_count is 'Messages and events the recorder had to drop.';
comment on column runs.recorder_cpu_ms is
'CPU time recording used, in ms: of a proxy or service all, else its own thread''s.';
