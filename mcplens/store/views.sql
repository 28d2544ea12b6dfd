-- Every view of mcplens, for a plain DuckDB shell (1.5 or later):
--
--     MCPLENS_STORE=path/to/.mcplens duckdb -init path/to/.mcplens/views.sql
--
-- Without the variable it is .mcplens in the current folder. Read this again to see what was
-- recorded meanwhile. In Python, mcplens.connect() does the same and more: it filters, and it goes
-- on when a file is damaged. This file is generated: python -m mcplens.metrics.views_sql

set variable store = rtrim(coalesce(nullif(getenv('MCPLENS_STORE'), ''), '.mcplens'), '/');

-- The tails are listed before the manifest is read: what is sealed in between is retired there.
set variable listed = (
    select list(file)
    from glob(regexp_replace(getvariable('store'), '([*?[])', '[\1]', 'g') || '/spool/*.jsonl')
);

create or replace table raw_manifest as
select * from read_json(
    getvariable('store') || '/manifest.json',
    columns = {
        files: 'struct("table" varchar, path varchar, schema_version bigint)[]',
        retired: 'struct(path varchar)[]',
        unfinished: 'struct("table" varchar, id varchar)[]'
    }
);

set variable tails = (
    select list(tail.file order by tail.file)
    from (select unnest(getvariable('listed')) as file) as tail
    where not exists (
        select 1
        from (select unnest(retired).path as path from raw_manifest) as done
        where done.path = 'spool/' || parse_filename(tail.file)
    )
);

create or replace table raw_tail as
select * from read_json(
    getvariable('tails'),
    format = 'newline_delimited', ignore_errors = true,
    maximum_object_size = 134217728,
    columns = {
    'table': 'varchar', 'event_id': 'varchar', 'run_id': 'varchar', 'connection_id': 'varchar',
    'observer': 'varchar', 'sequence': 'bigint', 'direction': 'varchar', 'request_id': 'varchar',
    'call_id': 'varchar', 'round': 'bigint', 'is_final': 'boolean', 'attempt': 'bigint',
    'retry_of': 'varchar', 'session_id': 'varchar', 'session_basis': 'varchar',
    'client_name': 'varchar', 'client_version': 'varchar', 'agent_id': 'varchar',
    'user_id': 'varchar', 'server_name': 'varchar', 'server_basis': 'varchar',
    'server_version': 'varchar', 'transport': 'varchar', 'http_status': 'bigint',
    'protocol_version': 'varchar', 'method': 'varchar', 'target': 'varchar',
    'definition_hash': 'varchar', 'trace_id': 'varchar', 'span_id': 'varchar', 'test_id': 'varchar',
    'is_warmup': 'boolean', 'started_at': 'timestamp', 'arguments': 'varchar',
    'arguments_hash': 'varchar', 'arguments_shape': 'varchar', 'request_bytes': 'bigint',
    'credential_mode': 'varchar', 'credential_id': 'varchar', 'credential_scope': 'varchar',
    'upstream': 'varchar', 'outcome': 'varchar', 'outcome_basis': 'varchar',
    'error_class': 'varchar', 'error_rule': 'varchar', 'error_code': 'bigint',
    'error_message': 'varchar', 'error_origin': 'varchar', 'duration_ms': 'double',
    'wait_ms': 'double', 'work_ms': 'double', 'duration_bin': 'bigint',
    'first_progress_ms': 'double', 'progress_count': 'bigint', 'result': 'varchar',
    'result_hash': 'varchar', 'response_bytes': 'bigint', 'content_kinds': 'varchar[]',
    'is_structured': 'boolean', 'is_schema_valid': 'boolean', 'is_read_only': 'boolean',
    'is_idempotent': 'boolean', 'is_destructive': 'boolean',
    'side_effects': 'struct(kind varchar, target varchar, detail varchar)[]',
    'reversibility': 'varchar', 'cost_usd': 'double', 'input_tokens': 'bigint',
    'output_tokens': 'bigint', 'checkpoint': 'varchar', 'note_basis': 'varchar',
    'lost_before': 'bigint', 'recorded_at': 'timestamp', 'schema_version': 'bigint',
    'command': 'varchar', 'address': 'varchar', 'spawned_at': 'timestamp',
    'first_answered_at': 'timestamp', 'ended_at': 'timestamp', 'end_reason': 'varchar',
    'exit_code': 'bigint', 'client_process_id': 'varchar', 'shadowed_by': 'varchar',
    'first_request_at': 'timestamp', 'opening_hash': 'varchar', 'label': 'varchar',
    'keep': 'varchar', 'mcplens_version': 'varchar', 'event_count': 'bigint',
    'lost_count': 'bigint', 'recorder_cpu_ms': 'double', 'kind': 'varchar', 'name': 'varchar',
    'definition': 'varchar', 'definition_bytes': 'bigint', 'seen_at': 'timestamp',
    'notice_id': 'varchar', 'noticed_at': 'timestamp', 'detail': 'varchar', 'size_bytes': 'bigint',
    'sample_id': 'varchar', 'sampled_at': 'timestamp', 'cpu_ms': 'double', 'memory_bytes': 'bigint',
    'peak_memory_bytes': 'bigint', 'disk_read_bytes': 'bigint', 'disk_write_bytes': 'bigint'
    }
)
where "table" is not null and schema_version <= 1;

set variable events_files = (
    select list_concat(
        [getvariable('store') || '/events/date=1970-01-01/seed.parquet'],
        coalesce(list(getvariable('store') || '/' || file.path), [])
    )
    from (select unnest(files, recursive := true) from raw_manifest) as file
    where file."table" = 'events' and file.schema_version <= 1
);

create or replace view raw_events as
select
    event_id, run_id, connection_id, observer, sequence, direction, request_id, call_id, round,
    is_final, attempt, retry_of, session_id, session_basis, client_name, client_version, agent_id,
    user_id, server_name, server_basis, server_version, transport, http_status, protocol_version,
    method, target, definition_hash, trace_id, span_id, test_id, is_warmup, started_at, arguments,
    arguments_hash, arguments_shape, request_bytes, credential_mode, credential_id,
    credential_scope, upstream, outcome, outcome_basis, error_class, error_rule, error_code,
    error_message, error_origin, duration_ms, wait_ms, work_ms, duration_bin, first_progress_ms,
    progress_count, result, result_hash, response_bytes, content_kinds, is_structured,
    is_schema_valid, is_read_only, is_idempotent, is_destructive, side_effects, reversibility,
    cost_usd, input_tokens, output_tokens, checkpoint, note_basis, lost_before, recorded_at,
    schema_version
from read_parquet(
    getvariable('events_files'), union_by_name = true, hive_partitioning = false
)
union all
select
    event_id, run_id, connection_id, observer, sequence, direction, request_id, call_id, round,
    is_final, attempt, retry_of, session_id, session_basis, client_name, client_version, agent_id,
    user_id, server_name, server_basis, server_version, transport, http_status, protocol_version,
    method, target, definition_hash, trace_id, span_id, test_id, is_warmup, started_at, arguments,
    arguments_hash, arguments_shape, request_bytes, credential_mode, credential_id,
    credential_scope, upstream, outcome, outcome_basis, error_class, error_rule, error_code,
    error_message, error_origin, duration_ms, wait_ms, work_ms, duration_bin, first_progress_ms,
    progress_count, result, result_hash, response_bytes, content_kinds, is_structured,
    is_schema_valid, is_read_only, is_idempotent, is_destructive, side_effects, reversibility,
    cost_usd, input_tokens, output_tokens, checkpoint, note_basis, lost_before, recorded_at,
    schema_version
from raw_tail
where "table" = 'events' and event_id is not null;

set variable connections_files = (
    select list_concat(
        [getvariable('store') || '/connections/date=1970-01-01/seed.parquet'],
        coalesce(list(getvariable('store') || '/' || file.path), [])
    )
    from (select unnest(files, recursive := true) from raw_manifest) as file
    where file."table" = 'connections' and file.schema_version <= 1
);

create or replace view raw_connections as
select
    connection_id, run_id, observer, transport, command, address, spawned_at, first_answered_at,
    ended_at, end_reason, exit_code, client_name, client_version, server_name, server_basis,
    server_version, protocol_version, client_process_id, shadowed_by, first_request_at,
    opening_hash, recorded_at, schema_version
from read_parquet(
    getvariable('connections_files'), union_by_name = true, hive_partitioning = false
)
union all
select
    connection_id, run_id, observer, transport, command, address, spawned_at, first_answered_at,
    ended_at, end_reason, exit_code, client_name, client_version, server_name, server_basis,
    server_version, protocol_version, client_process_id, shadowed_by, first_request_at,
    opening_hash, recorded_at, schema_version
from raw_tail
where "table" = 'connections' and connection_id is not null;

set variable runs_files = (
    select list_concat(
        [getvariable('store') || '/runs/date=1970-01-01/seed.parquet'],
        coalesce(list(getvariable('store') || '/' || file.path), [])
    )
    from (select unnest(files, recursive := true) from raw_manifest) as file
    where file."table" = 'runs' and file.schema_version <= 1
);

create or replace view raw_runs as
select
    run_id, label, observer, keep, mcplens_version, started_at, ended_at, event_count, lost_count,
    recorder_cpu_ms, recorded_at, schema_version
from read_parquet(
    getvariable('runs_files'), union_by_name = true, hive_partitioning = false
)
union all
select
    run_id, label, observer, keep, mcplens_version, started_at, ended_at, event_count, lost_count,
    recorder_cpu_ms, recorded_at, schema_version
from raw_tail
where "table" = 'runs' and run_id is not null;

set variable definitions_files = (
    select list_concat(
        [getvariable('store') || '/definitions/date=1970-01-01/seed.parquet'],
        coalesce(list(getvariable('store') || '/' || file.path), [])
    )
    from (select unnest(files, recursive := true) from raw_manifest) as file
    where file."table" = 'definitions' and file.schema_version <= 1
);

create or replace view raw_definitions as
select
    definition_hash, run_id, connection_id, server_name, kind, name, definition, definition_bytes,
    is_read_only, is_idempotent, is_destructive, seen_at, recorded_at, schema_version
from read_parquet(
    getvariable('definitions_files'), union_by_name = true, hive_partitioning = false
)
union all
select
    definition_hash, run_id, connection_id, server_name, kind, name, definition, definition_bytes,
    is_read_only, is_idempotent, is_destructive, seen_at, recorded_at, schema_version
from raw_tail
where "table" = 'definitions' and definition_hash is not null;

set variable notices_files = (
    select list_concat(
        [getvariable('store') || '/notices/date=1970-01-01/seed.parquet'],
        coalesce(list(getvariable('store') || '/' || file.path), [])
    )
    from (select unnest(files, recursive := true) from raw_manifest) as file
    where file."table" = 'notices' and file.schema_version <= 1
);

create or replace view raw_notices as
select
    notice_id, run_id, connection_id, noticed_at, kind, direction, method, request_id, detail,
    size_bytes, lost_count, recorded_at, schema_version
from read_parquet(
    getvariable('notices_files'), union_by_name = true, hive_partitioning = false
)
union all
select
    notice_id, run_id, connection_id, noticed_at, kind, direction, method, request_id, detail,
    size_bytes, lost_count, recorded_at, schema_version
from raw_tail
where "table" = 'notices' and notice_id is not null;

set variable samples_files = (
    select list_concat(
        [getvariable('store') || '/samples/date=1970-01-01/seed.parquet'],
        coalesce(list(getvariable('store') || '/' || file.path), [])
    )
    from (select unnest(files, recursive := true) from raw_manifest) as file
    where file."table" = 'samples' and file.schema_version <= 1
);

create or replace view raw_samples as
select
    sample_id, run_id, connection_id, sampled_at, cpu_ms, memory_bytes, peak_memory_bytes,
    disk_read_bytes, disk_write_bytes, recorded_at, schema_version
from read_parquet(
    getvariable('samples_files'), union_by_name = true, hive_partitioning = false
)
union all
select
    sample_id, run_id, connection_id, sampled_at, cpu_ms, memory_bytes, peak_memory_bytes,
    disk_read_bytes, disk_write_bytes, recorded_at, schema_version
from raw_tail
where "table" = 'samples' and sample_id is not null;

create or replace table raw_open_ids as
select event_id from raw_tail where "table" = 'events' and outcome is null
union
select unnest((
    select list(one.id)
    from (select unnest(unfinished, recursive := true) from raw_manifest) as one
    where one."table" = 'events'
))
except
select event_id from raw_tail where "table" = 'events' and outcome is not null;

set variable tail_since = (
    select min(started_at) - interval 1 hour
    from raw_tail
    where "table" = 'events' and is_final and arguments_hash is not null and attempt is null
);

create or replace table raw_recent_calls as
select
    event_id, call_id, observer, session_id, server_name, method, target, arguments_hash, attempt,
    started_at, sequence, duration_ms, outcome, error_class
from raw_events
where
    is_final and arguments_hash is not null and started_at >= getvariable('tail_since')
    and session_id in (select session_id from raw_tail where "table" = 'events');

-- Which connections were recorded twice, by observers one behind the other: what the inner one saw does not
-- count. A proxy tells the server that it starts, and is believed as long as its own recording is here and
-- began alike. Nobody tells the others: they are known by the same first requests, answered within a second
-- of each other (a request may wait in a pipe until what stands between has started), on behalf of one
-- process where that is known, and one to one. Where a stateless client speaks HTTP, many connections may be
-- recorded as one, so that nothing follows from how it began.
create or replace view raw_shadows as
with

written as (

    select * from raw_connections

),

known as (

    select
        connection_id,
        max(
            case observer
                when 'client' then 1
                when 'proxy' then 2
                when 'server' then 3
                else 4
            end
        ) as place_from_client,
        max(shadowed_by) as told_by,
        -- The number of requests stands first, so that the greatest knows most.
        max(opening_hash) as opening_hash,
        max(client_process_id) as client_process_id,
        max(case when server_basis = 'handshake' then server_name end) as server_name,
        max(client_name) as client_name,
        coalesce(min(first_answered_at), min(first_request_at)) as began_at,
        bool_or(transport = 'http' and protocol_version >= '2026-07-28') as is_merged
    from written
    group by connection_id

),

links as (

    select
        connection_id,
        place_from_client,
        told_by,
        split_part(opening_hash, '-', 1) as request_count,
        split_part(opening_hash, '-', 2) as beginning,
        nullif(split_part(opening_hash, '-', 3), '') as asked,
        client_process_id,
        server_name,
        client_name,
        began_at,
        is_merged
    from known

),

told as (

    select
        inside.connection_id,
        outside.connection_id as shadowed_by
    from links as inside
    inner join links as outside
        on
            inside.told_by = outside.connection_id
            and inside.connection_id <> outside.connection_id
    where
        case
            when inside.request_count = outside.request_count then inside.beginning = outside.beginning
            -- Of how many requests one knows more, nothing can be compared but who spoke.
            else
                (inside.client_name <> outside.client_name) is not true
                and (inside.server_name <> outside.server_name) is not true
        end

),

untold as (

    select
        links.*,
        date_trunc('second', links.began_at) as began_second
    from links
    left join told on links.connection_id = told.connection_id
    where
        told.connection_id is null
        and links.beginning is not null
        and links.is_merged is not true

),

-- With observers of one kind there is nothing to compare.
outermost as (

    select min(place_from_client) as place_from_client
    from links

),

-- Connections of years may begin alike; only those of the same moment are compared.
around as (

    select
        *,
        began_second + to_seconds(unnest([-1, 0, 1])) as other_second
    from untold
    where place_from_client > (select outermost.place_from_client from outermost)

),

alike as (

    select
        inside.connection_id,
        inside.place_from_client,
        outside.connection_id as shadowed_by,
        outside.place_from_client as from_client,
        inside.began_at as inner_began_at,
        outside.began_at as outer_began_at,
        abs(epoch_us(outside.began_at) - epoch_us(inside.began_at)) as apart_us
    from around as inside
    inner join links as outside
        on
            inside.beginning = outside.beginning
            and inside.request_count = outside.request_count
            and inside.other_second = date_trunc('second', outside.began_at)
    where
        outside.place_from_client < inside.place_from_client
        and outside.is_merged is not true
        and (inside.asked <> outside.asked) is not true
        and (inside.client_process_id <> outside.client_process_id) is not true
        and (inside.server_name <> outside.server_name) is not true
        and abs(epoch_us(outside.began_at) - epoch_us(inside.began_at)) <= 1000000

),

-- Several that began alike at once, as an agent's helpers do, began in one order for all who saw them.
placed as (

    select
        *,
        row_number() over (
            partition by connection_id, from_client
            order by outer_began_at, shadowed_by
        ) as outer_turn,
        row_number() over (
            partition by shadowed_by, place_from_client
            order by inner_began_at, connection_id
        ) as inner_turn
    from alike

),

measured as (

    select
        *,
        apart_us > 100000 as is_far,
        abs(outer_turn - inner_turn) as turns_apart
    from placed

),

ranked as (

    select
        connection_id,
        shadowed_by,
        row_number() over (
            partition by connection_id
            order by
                from_client desc,
                is_far asc,
                turns_apart asc,
                apart_us asc,
                shadowed_by asc
        ) as outer_place,
        row_number() over (
            partition by shadowed_by, place_from_client
            order by
                is_far,
                turns_apart,
                apart_us,
                connection_id
        ) as inner_place
    from measured

),

final as (

    select
        connection_id,
        shadowed_by,
        'told' as basis
    from told
    union all
    select
        connection_id,
        shadowed_by,
        'opening' as basis
    from ranked
    where
        outer_place = 1
        and inner_place = 1

)

select * from final;

comment on view raw_shadows is 'One row per connection that another observer recorded from further out.';
comment on column raw_shadows.connection_id is 'The connection.';
comment on column raw_shadows.shadowed_by is
'The connection that recorded the same traffic from further out.';
comment on column raw_shadows.basis is 'How that is known: told by the outer observer, or opening.';

-- The traces that tell a session: those that more than one request of a client carried. Two observers of one
-- request see the same span, id and target; the rounds of one call, and what a server asks within it, are no
-- second one. Who asks for no sessions does not pay for this.
create or replace view raw_traces as
with

carried as (

    select * from raw_events
    where
        trace_id is not null
        and direction = 'to_server'
        and is_final is not false

),

final as (

    select trace_id
    from carried
    group by trace_id
    having
        -- Its first round was written as open, perhaps, before there was another.
        min(coalesce(call_id, event_id)) <> max(coalesce(call_id, event_id))
        and (
            min(span_id) <> max(span_id)
            or min(request_id) <> max(request_id)
            or min(target) <> max(target)
        )

)

select * from final;

comment on view raw_traces is
'One row per trace that holds more than one request of a client; the rounds of a call are one.';
comment on column raw_traces.trace_id is 'The W3C trace.';

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

update raw_tail
set attempt = raw_tries.attempt, retry_of = raw_tries.retry_of
from raw_tries
where
    raw_tail."table" = 'events'
    and raw_tail.attempt is null
    and raw_tail.event_id = raw_tries.event_id;

create or replace table raw_shadowed as
select * from raw_shadows;

create or replace view raw_unique_events as
select
    raw_events.* replace (
        case
            when raw_traces.trace_id is not null
                and (raw_events.session_basis in ('handle', 'protocol')) is not true
                then raw_events.trace_id
            else raw_events.session_id
        end as session_id,
        case
            when raw_traces.trace_id is not null
                and (raw_events.session_basis in ('handle', 'protocol')) is not true
                then 'trace'
            else raw_events.session_basis
        end as session_basis
    )
from raw_events
anti join raw_shadowed on raw_events.connection_id = raw_shadowed.connection_id
-- Grouped, though a trace stands there once: then who asks for no sessions does not pay for it.
left join (select trace_id from raw_traces group by trace_id) as raw_traces
    on raw_events.trace_id = raw_traces.trace_id;

create or replace table raw_open_events as
select * from raw_unique_events
where outcome is null and event_id in (select event_id from raw_open_ids) and true;

create table if not exists raw_budgets (
    budget_id varchar, tool_pattern varchar, has_server boolean, quantile double, limit_ms double
);

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

-- A connection is written down when it opens, when both ends are known, and when it ends: the newest row
-- counts. Rows written in the same moment are told apart by how much they know.
create or replace view stg_connections as
with

written as (

    select * from raw_connections

),

shadows as (

    select * from raw_shadowed

),

ranked as (

    select
        *,
        row_number() over (
            partition by connection_id
            order by
                recorded_at desc nulls last,
                ended_at desc nulls last,
                first_answered_at desc nulls last,
                server_version desc nulls last,
                client_name desc nulls last,
                server_name desc nulls last
        ) as age
    from written

),

final as (

    select
        ranked.connection_id,
        ranked.run_id,
        ranked.observer,
        ranked.transport,
        ranked.command,
        ranked.address,
        ranked.spawned_at,
        ranked.first_answered_at,
        ranked.ended_at,
        ranked.end_reason,
        ranked.exit_code,
        ranked.client_name,
        ranked.client_version,
        ranked.server_name,
        ranked.server_basis,
        ranked.server_version,
        ranked.protocol_version,
        ranked.client_process_id,
        shadows.shadowed_by,
        ranked.first_request_at,
        ranked.opening_hash,
        ranked.recorded_at
    from ranked
    left join shadows on ranked.connection_id = shadows.connection_id
    where ranked.age = 1

)

select * from final;

comment on view stg_connections is 'One row per connection between a client and a server.';
comment on column stg_connections.connection_id is 'The connection.';
comment on column stg_connections.run_id is 'The recording this row belongs to.';
comment on column stg_connections.observer is 'Where the recorder stood: proxy, client, server or import.';
comment on column stg_connections.transport is 'stdio, http, sse or memory.';
comment on column stg_connections.command is 'The server''s command after redaction.';
comment on column stg_connections.address is 'The server''s address without query string or credentials.';
comment on column stg_connections.spawned_at is 'When the server was started or the connection opened, UTC.';
comment on column stg_connections.first_answered_at is 'When the server''s first answer was seen, UTC.';
comment on column stg_connections.ended_at is 'When the connection ended, UTC.';
comment on column stg_connections.end_reason is
'Who ended it: client_closed, server_exited, signal, recorder_died or log_ended.';
comment on column stg_connections.exit_code is 'The server''s exit code; a negative number is a signal.';
comment on column stg_connections.client_name is 'What the client calls itself.';
comment on column stg_connections.client_version is 'The client''s version by its own word.';
comment on column stg_connections.server_name is 'The server.';
comment on column stg_connections.server_basis is
'How the server''s name is known: option, handshake, command or log.';
comment on column stg_connections.server_version is 'The server''s version by its own word.';
comment on column stg_connections.protocol_version is 'The MCP version that was spoken, such as 2026-07-28.';
comment on column stg_connections.client_process_id is
'Keyed hash of the process that the client is; NULL where unknown.';
comment on column stg_connections.shadowed_by is
'The connection that recorded the same traffic from further out.';
comment on column stg_connections.first_request_at is 'When the client''s first request was seen, UTC.';
comment on column stg_connections.opening_hash is
'How many of the first three requests came, and keyed hashes of what they were.';
comment on column stg_connections.recorded_at is 'When the recorder wrote the row into its spool, UTC.';

-- What a second observer saw of the same connection is left out.
create or replace view stg_definitions as
with

written as (

    select * from raw_definitions

),

shadows as (

    select connection_id from raw_shadowed

),

final as (

    select
        written.definition_hash,
        written.run_id,
        written.connection_id,
        written.server_name,
        written.kind,
        written.name,
        written.definition,
        written.definition_bytes,
        written.is_read_only,
        written.is_idempotent,
        written.is_destructive,
        written.seen_at,
        written.recorded_at
    from written
    left join shadows on written.connection_id = shadows.connection_id
    where shadows.connection_id is null

)

select * from final;

comment on view stg_definitions is 'One row per tool, prompt or resource advertised on a connection.';
comment on column stg_definitions.definition_hash is 'Hash of the definition''s canonical JSON.';
comment on column stg_definitions.run_id is 'The recording this row belongs to.';
comment on column stg_definitions.connection_id is 'The connection it was seen on.';
comment on column stg_definitions.server_name is 'The server.';
comment on column stg_definitions.kind is 'tool, prompt, resource or resource_template.';
comment on column stg_definitions.name is 'Its name; of a resource its URI without query string.';
comment on column stg_definitions.definition is 'As JSON text; of a resource what --keep allows.';
comment on column stg_definitions.definition_bytes is 'Size of the definition''s JSON, in bytes.';
comment on column stg_definitions.is_read_only is 'The tool''s readOnlyHint.';
comment on column stg_definitions.is_idempotent is 'The tool''s idempotentHint.';
comment on column stg_definitions.is_destructive is 'The tool''s destructiveHint.';
comment on column stg_definitions.seen_at is 'When it was seen first on the connection, UTC.';
comment on column stg_definitions.recorded_at is 'When the recorder wrote the row into its spool, UTC.';

-- Every request that has ended, with the words of "how a call ends" made columns. What is still open stands
-- in stg_open_events, so that counting what has ended never pays for looking for what has not. What a second
-- observer saw of the same connection is left out.
create or replace view stg_events as
with

ended as (

    select * from raw_unique_events
    where outcome is not null

),

final as (

    select
        -- Counting rows reads the first column: it is a small one.
        is_final,

        -- Who called what?
        event_id,
        run_id,
        connection_id,
        observer,
        sequence,
        direction,
        request_id,
        call_id,
        round,
        attempt,
        retry_of,
        session_id,
        session_basis,
        client_name,
        client_version,
        agent_id,
        user_id,
        server_name,
        server_basis,
        server_version,
        transport,
        http_status,
        protocol_version,
        method,
        target,
        definition_hash,
        trace_id,
        span_id,
        test_id,
        is_warmup,
        started_at,
        arguments,
        arguments_hash,
        arguments_shape,
        request_bytes,

        -- With what credentials?
        credential_mode,
        credential_id,
        credential_scope,
        upstream,

        -- What happened?
        outcome,
        outcome_basis,
        error_class,
        error_rule,
        error_code,
        error_message,
        error_origin,
        duration_ms,
        wait_ms,
        work_ms,
        duration_bin,
        first_progress_ms,
        progress_count,
        result,
        result_hash,
        response_bytes,
        content_kinds,
        is_structured,
        is_schema_valid,
        is_read_only,
        is_idempotent,
        is_destructive,

        -- What is left behind?
        side_effects,
        reversibility,
        cost_usd,
        input_tokens,
        output_tokens,
        checkpoint,
        note_basis,

        -- About the recorder itself
        lost_before,
        recorded_at,

        -- What it counts for. The commonest case comes first, which saves a third of the time.
        case when method = 'tools/call' then target end as tool_name,
        started_at
        + to_microseconds(cast(floor(least(duration_ms, 1000000000000) * 1000) as bigint)) as ended_at,
        case
            when outcome = 'ok' then error_class is null
            when outcome not in ('cancelled', 'unknown', 'input_required') then false
        end as is_success,
        case
            when error_class is not null then error_class in ('invalid_arguments', 'unknown_tool')
            else false
        end as is_caller_error,
        outcome in ('timeout', 'disconnected', 'unanswered') as is_without_answer,
        case
            when outcome = 'ok' then work_ms
            when outcome in ('tool_error', 'protocol_error', 'timeout', 'unknown') then work_ms
        end as measured_ms
    from ended

)

select * from final;

comment on view stg_events is 'One row per JSON-RPC request that has ended, and how.';
comment on column stg_events.event_id is 'The request; run and sequence together.';
comment on column stg_events.run_id is 'The recording this row belongs to.';
comment on column stg_events.connection_id is 'The connection it travelled on.';
comment on column stg_events.observer is 'Where the recorder stood: proxy, client, server or import.';
comment on column stg_events.sequence is 'Counts the requests of a run from 1; a gap is a lost event.';
comment on column stg_events.direction is 'to_server when the client asked, to_client when the server did.';
comment on column stg_events.request_id is 'The JSON-RPC id as JSON text, so that 7 and "7" differ.';
comment on column stg_events.call_id is 'The call that this request is a round of.';
comment on column stg_events.round is 'Which round of its call this is, from 1.';
comment on column stg_events.is_final is 'Whether this is the last round, which carries the call''s totals.';
comment on column stg_events.attempt is 'Which try of the same call by the agent this is, from 1.';
comment on column stg_events.retry_of is 'The failed call that this one repeats.';
comment on column stg_events.session_id is 'The calls that belong together for the user.';
comment on column stg_events.session_basis is
'How the session is known: handle, protocol, trace, client_process or connection.';
comment on column stg_events.client_name is 'What the client calls itself.';
comment on column stg_events.client_version is 'The client''s version by its own word.';
comment on column stg_events.agent_id is 'The agent on whose behalf the client called.';
comment on column stg_events.user_id is 'The user on whose behalf the client called.';
comment on column stg_events.server_name is 'The server.';
comment on column stg_events.server_basis is
'How the server''s name is known: option, handshake, command or log.';
comment on column stg_events.server_version is 'The server''s version by its own word.';
comment on column stg_events.transport is 'stdio, http, sse or memory.';
comment on column stg_events.http_status is 'The HTTP status of the answer.';
comment on column stg_events.protocol_version is 'The MCP version that was spoken, such as 2026-07-28.';
comment on column stg_events.method is 'The JSON-RPC method, such as tools/call.';
comment on column stg_events.target is
'The tool, prompt or resource asked for; of a URI never the query string.';
comment on column stg_events.definition_hash is 'The definition of the target that was in force.';
comment on column stg_events.trace_id is 'The W3C trace the request carried.';
comment on column stg_events.span_id is 'The W3C parent span the request carried.';
comment on column stg_events.test_id is 'The test that made the call.';
comment on column stg_events.is_warmup is 'Whether the call only warmed the server up; budgets leave it out.';
comment on column stg_events.started_at is
'When the request was seen, UTC; of a last round, when the first was.';
comment on column stg_events.arguments is
'The arguments as JSON text; only where keeping contents was asked for.';
comment on column stg_events.arguments_hash is 'Keyed hash of the arguments: equal arguments, equal hash.';
comment on column stg_events.arguments_shape is
'The arguments'' declared keys with types and sizes in place of values, as JSON text.';
comment on column stg_events.request_bytes is 'Size of the request message, in bytes.';
comment on column stg_events.credential_mode is 'Whose credential the call used: user, service, none.';
comment on column stg_events.credential_id is 'Keyed fingerprint of the credential.';
comment on column stg_events.credential_scope is 'What the credential allows.';
comment on column stg_events.upstream is 'The system behind the tool that did the work.';
comment on column stg_events.outcome is 'How it ended; NULL while nothing has ended it.';
comment on column stg_events.outcome_basis is 'How the outcome is known.';
comment on column stg_events.error_class is 'Why it failed.';
comment on column stg_events.error_rule is 'The rule that decided on the error class.';
comment on column stg_events.error_code is 'The JSON-RPC error code.';
comment on column stg_events.error_message is 'The error''s text as a template, without values.';
comment on column stg_events.error_origin is
'Where the error came from: server, client, transport or observer.';
comment on column stg_events.duration_ms is
'Request seen to answer seen, in ms; of a last round, from the first request on.';
comment on column stg_events.wait_ms is 'The part of the duration spent on a person or a model, in ms.';
comment on column stg_events.work_ms is 'The rest of the duration, in ms.';
comment on column stg_events.duration_bin is
'Logarithmic bin of work_ms for summaries with at most 1 % error.';
comment on column stg_events.first_progress_ms is 'Request seen to first progress seen, in ms.';
comment on column stg_events.progress_count is 'Progress notifications seen.';
comment on column stg_events.result is 'The result as JSON text; only where keeping contents was asked for.';
comment on column stg_events.result_hash is 'Keyed hash of the result.';
comment on column stg_events.response_bytes is 'Size of the answer message, in bytes.';
comment on column stg_events.content_kinds is 'The kinds of content in the result, each once.';
comment on column stg_events.is_structured is 'Whether the result had structured content.';
comment on column stg_events.is_schema_valid is 'Whether the structured content is what outputSchema says.';
comment on column stg_events.is_read_only is 'The tool''s readOnlyHint.';
comment on column stg_events.is_idempotent is 'The tool''s idempotentHint.';
comment on column stg_events.is_destructive is 'The tool''s destructiveHint.';
comment on column stg_events.side_effects is 'What the call changed outside of itself.';
comment on column stg_events.reversibility is 'no_effect, reversible or permanent.';
comment on column stg_events.cost_usd is 'What the call cost, in US dollars.';
comment on column stg_events.input_tokens is 'Tokens a model read for the call.';
comment on column stg_events.output_tokens is 'Tokens a model wrote for the call.';
comment on column stg_events.checkpoint is 'How far the work had come, in the tool''s words.';
comment on column stg_events.note_basis is
'Where the notes came from: tool, result, configuration or log.';
comment on column stg_events.lost_before is 'Messages or events lost since the row before this one.';
comment on column stg_events.recorded_at is 'When the recorder wrote the row into its spool, UTC.';
comment on column stg_events.tool_name is 'The tool asked for; NULL when it was no tools/call.';
comment on column stg_events.ended_at is
'When the answer was seen or waiting for it ended, UTC; NULL while it is open.';
comment on column stg_events.is_success is
'Whether it succeeded: ok, without an error class; NULL where open, cancelled, unknown or not the last.';
comment on column stg_events.is_caller_error is
'Whether the caller was at fault: wrong arguments or an unknown tool.';
comment on column stg_events.is_without_answer is
'Whether no answer came while the caller waited; that is over every latency budget.';
comment on column stg_events.measured_ms is
'work_ms where it counts for quantiles: answered calls, and the time waited for a timeout.';

-- What a second observer saw of the same connection is left out; what its recorder met itself is not.
create or replace view stg_notices as
with

written as (

    select * from raw_notices

),

shadows as (

    select connection_id from raw_shadowed

),

final as (

    select
        written.notice_id,
        written.run_id,
        written.connection_id,
        written.noticed_at,
        written.kind,
        written.direction,
        written.method,
        written.request_id,
        written.detail,
        written.size_bytes,
        written.lost_count,
        written.recorded_at
    from written
    left join shadows on written.connection_id = shadows.connection_id
    where
        shadows.connection_id is null
        or written.kind in ('lost', 'recorder_trouble')

)

select * from final;

comment on view stg_notices is
'One row per thing seen on the wire, or met by the recorder, that is no request.';
comment on column stg_notices.notice_id is 'The notice.';
comment on column stg_notices.run_id is 'The recording this row belongs to.';
comment on column stg_notices.connection_id is 'The connection it was seen on.';
comment on column stg_notices.noticed_at is 'When it was seen, UTC.';
comment on column stg_notices.kind is 'What it was, such as not_json or late_answer.';
comment on column stg_notices.direction is
'to_server when the client sent it, to_client when the server did.';
comment on column stg_notices.method is 'The JSON-RPC method, if it had one.';
comment on column stg_notices.request_id is 'The JSON-RPC id as JSON text, if it had one.';
comment on column stg_notices.detail is 'One line that says more, without contents.';
comment on column stg_notices.size_bytes is 'Its size on the wire, in bytes.';
comment on column stg_notices.lost_count is 'How many messages or events were lost.';
comment on column stg_notices.recorded_at is 'When the recorder wrote the row into its spool, UTC.';

-- A request that was open for a second is written down as open, and again when it ends: here is what has no
-- end yet. The columns are those of stg_events. A store without any pays nothing.
create or replace view stg_open_events as
with

opened as (

    select * from raw_open_events

),

final as (

    select
        -- Counting rows reads the first column: it is a small one.
        is_final,

        -- Who called what?
        event_id,
        run_id,
        connection_id,
        observer,
        sequence,
        direction,
        request_id,
        call_id,
        round,
        attempt,
        retry_of,
        session_id,
        session_basis,
        client_name,
        client_version,
        agent_id,
        user_id,
        server_name,
        server_basis,
        server_version,
        transport,
        http_status,
        protocol_version,
        method,
        target,
        definition_hash,
        trace_id,
        span_id,
        test_id,
        is_warmup,
        started_at,
        arguments,
        arguments_hash,
        arguments_shape,
        request_bytes,

        -- With what credentials?
        credential_mode,
        credential_id,
        credential_scope,
        upstream,

        -- What happened?
        outcome,
        outcome_basis,
        error_class,
        error_rule,
        error_code,
        error_message,
        error_origin,
        duration_ms,
        wait_ms,
        work_ms,
        duration_bin,
        first_progress_ms,
        progress_count,
        result,
        result_hash,
        response_bytes,
        content_kinds,
        is_structured,
        is_schema_valid,
        is_read_only,
        is_idempotent,
        is_destructive,

        -- What is left behind?
        side_effects,
        reversibility,
        cost_usd,
        input_tokens,
        output_tokens,
        checkpoint,
        note_basis,

        -- About the recorder itself
        lost_before,
        recorded_at,

        -- What it counts for: nothing yet
        case when method = 'tools/call' then opened.target end as tool_name,
        cast(null as timestamp) as ended_at,
        cast(null as boolean) as is_success,
        false as is_caller_error,
        false as is_without_answer,
        cast(null as double) as measured_ms
    from opened

)

select * from final;

comment on view stg_open_events is 'One row per JSON-RPC request that has not ended.';
comment on column stg_open_events.event_id is 'The request; run and sequence together.';
comment on column stg_open_events.run_id is 'The recording this row belongs to.';
comment on column stg_open_events.connection_id is 'The connection it travelled on.';
comment on column stg_open_events.observer is 'Where the recorder stood: proxy, client, server or import.';
comment on column stg_open_events.sequence is 'Counts the requests of a run from 1; a gap is a lost event.';
comment on column stg_open_events.direction is
'to_server when the client asked, to_client when the server did.';
comment on column stg_open_events.request_id is 'The JSON-RPC id as JSON text, so that 7 and "7" differ.';
comment on column stg_open_events.call_id is 'The call that this request is a round of.';
comment on column stg_open_events.round is 'Which round of its call this is, from 1.';
comment on column stg_open_events.is_final is
'Whether this is the last round, which carries the call''s totals.';
comment on column stg_open_events.attempt is 'Which try of the same call by the agent this is, from 1.';
comment on column stg_open_events.retry_of is 'The failed call that this one repeats.';
comment on column stg_open_events.session_id is 'The calls that belong together for the user.';
comment on column stg_open_events.session_basis is
'How the session is known: handle, protocol, trace, client_process or connection.';
comment on column stg_open_events.client_name is 'What the client calls itself.';
comment on column stg_open_events.client_version is 'The client''s version by its own word.';
comment on column stg_open_events.agent_id is 'The agent on whose behalf the client called.';
comment on column stg_open_events.user_id is 'The user on whose behalf the client called.';
comment on column stg_open_events.server_name is 'The server.';
comment on column stg_open_events.server_basis is
'How the server''s name is known: option, handshake, command or log.';
comment on column stg_open_events.server_version is 'The server''s version by its own word.';
comment on column stg_open_events.transport is 'stdio, http, sse or memory.';
comment on column stg_open_events.http_status is 'The HTTP status of the answer.';
comment on column stg_open_events.protocol_version is 'The MCP version that was spoken, such as 2026-07-28.';
comment on column stg_open_events.method is 'The JSON-RPC method, such as tools/call.';
comment on column stg_open_events.target is
'The tool, prompt or resource asked for; of a URI never the query string.';
comment on column stg_open_events.definition_hash is 'The definition of the target that was in force.';
comment on column stg_open_events.trace_id is 'The W3C trace the request carried.';
comment on column stg_open_events.span_id is 'The W3C parent span the request carried.';
comment on column stg_open_events.test_id is 'The test that made the call.';
comment on column stg_open_events.is_warmup is
'Whether the call only warmed the server up; budgets leave it out.';
comment on column stg_open_events.started_at is
'When the request was seen, UTC; of a last round, when the first was.';
comment on column stg_open_events.arguments is
'The arguments as JSON text; only where keeping contents was asked for.';
comment on column stg_open_events.arguments_hash is
'Keyed hash of the arguments: equal arguments, equal hash.';
comment on column stg_open_events.arguments_shape is
'The arguments'' declared keys with types and sizes in place of values, as JSON text.';
comment on column stg_open_events.request_bytes is 'Size of the request message, in bytes.';
comment on column stg_open_events.credential_mode is 'Whose credential the call used: user, service, none.';
comment on column stg_open_events.credential_id is 'Keyed fingerprint of the credential.';
comment on column stg_open_events.credential_scope is 'What the credential allows.';
comment on column stg_open_events.upstream is 'The system behind the tool that did the work.';
comment on column stg_open_events.outcome is 'How it ended; NULL while nothing has ended it.';
comment on column stg_open_events.outcome_basis is 'How the outcome is known.';
comment on column stg_open_events.error_class is 'Why it failed.';
comment on column stg_open_events.error_rule is 'The rule that decided on the error class.';
comment on column stg_open_events.error_code is 'The JSON-RPC error code.';
comment on column stg_open_events.error_message is 'The error''s text as a template, without values.';
comment on column stg_open_events.error_origin is
'Where the error came from: server, client, transport or observer.';
comment on column stg_open_events.duration_ms is
'Request seen to answer seen, in ms; of a last round, from the first request on.';
comment on column stg_open_events.wait_ms is 'The part of the duration spent on a person or a model, in ms.';
comment on column stg_open_events.work_ms is 'The rest of the duration, in ms.';
comment on column stg_open_events.duration_bin is
'Logarithmic bin of work_ms for summaries with at most 1 % error.';
comment on column stg_open_events.first_progress_ms is 'Request seen to first progress seen, in ms.';
comment on column stg_open_events.progress_count is 'Progress notifications seen.';
comment on column stg_open_events.result is
'The result as JSON text; only where keeping contents was asked for.';
comment on column stg_open_events.result_hash is 'Keyed hash of the result.';
comment on column stg_open_events.response_bytes is 'Size of the answer message, in bytes.';
comment on column stg_open_events.content_kinds is 'The kinds of content in the result, each once.';
comment on column stg_open_events.is_structured is 'Whether the result had structured content.';
comment on column stg_open_events.is_schema_valid is
'Whether the structured content is what outputSchema says.';
comment on column stg_open_events.is_read_only is 'The tool''s readOnlyHint.';
comment on column stg_open_events.is_idempotent is 'The tool''s idempotentHint.';
comment on column stg_open_events.is_destructive is 'The tool''s destructiveHint.';
comment on column stg_open_events.side_effects is 'What the call changed outside of itself.';
comment on column stg_open_events.reversibility is 'no_effect, reversible or permanent.';
comment on column stg_open_events.cost_usd is 'What the call cost, in US dollars.';
comment on column stg_open_events.input_tokens is 'Tokens a model read for the call.';
comment on column stg_open_events.output_tokens is 'Tokens a model wrote for the call.';
comment on column stg_open_events.checkpoint is 'How far the work had come, in the tool''s words.';
comment on column stg_open_events.note_basis is
'Where the notes came from: tool, result, configuration or log.';
comment on column stg_open_events.lost_before is 'Messages or events lost since the row before this one.';
comment on column stg_open_events.recorded_at is 'When the recorder wrote the row into its spool, UTC.';
comment on column stg_open_events.tool_name is 'The tool asked for; NULL when it was no tools/call.';
comment on column stg_open_events.ended_at is
'When the answer was seen or waiting for it ended, UTC; NULL while it is open.';
comment on column stg_open_events.is_success is
'Whether it succeeded: ok, without an error class; NULL where open, cancelled, unknown or not the last.';
comment on column stg_open_events.is_caller_error is
'Whether the caller was at fault: wrong arguments or an unknown tool.';
comment on column stg_open_events.is_without_answer is
'Whether no answer came while the caller waited; that is over every latency budget.';
comment on column stg_open_events.measured_ms is
'work_ms where it counts for quantiles: answered calls, and the time waited for a timeout.';

-- A run is written down when it begins and when it ends: the newest row counts.
create or replace view stg_runs as
with

written as (

    select * from raw_runs

),

ranked as (

    select
        *,
        row_number() over (
            partition by run_id
            order by
                recorded_at desc nulls last,
                ended_at desc nulls last,
                event_count desc nulls last,
                label desc nulls last
        ) as age
    from written

),

final as (

    select
        run_id,
        label,
        observer,
        keep,
        mcplens_version,
        started_at,
        ended_at,
        event_count,
        lost_count,
        recorder_cpu_ms,
        recorded_at
    from ranked
    where age = 1

)

select * from final;

comment on view stg_runs is 'One row per recording.';
comment on column stg_runs.run_id is 'The recording this row belongs to.';
comment on column stg_runs.label is 'The run''s label.';
comment on column stg_runs.observer is 'Where the recorder stood.';
comment on column stg_runs.keep is 'What of contents was kept: none, shape or full.';
comment on column stg_runs.mcplens_version is 'The mcplens that recorded.';
comment on column stg_runs.started_at is 'When recording began, UTC.';
comment on column stg_runs.ended_at is 'When recording ended, UTC; NULL while it goes on or if it died.';
comment on column stg_runs.event_count is 'Events recorded.';
comment on column stg_runs.lost_count is 'Messages and events the recorder had to drop.';
comment on column stg_runs.recorder_cpu_ms is
'CPU time recording used, in ms: of a proxy or service all, else its own thread''s.';
comment on column stg_runs.recorded_at is 'When the recorder wrote the row into its spool, UTC.';

create or replace view stg_samples as
with

written as (

    select * from raw_samples

),

final as (

    select
        sample_id,
        run_id,
        connection_id,
        sampled_at,
        cpu_ms,
        memory_bytes,
        peak_memory_bytes,
        disk_read_bytes,
        disk_write_bytes,
        recorded_at
    from written

)

select * from final;

comment on view stg_samples is 'One row per moment at which a server process was looked at.';
comment on column stg_samples.sample_id is 'The sample.';
comment on column stg_samples.run_id is 'The recording this row belongs to.';
comment on column stg_samples.connection_id is 'The connection of the process.';
comment on column stg_samples.sampled_at is 'When it was read, UTC.';
comment on column stg_samples.cpu_ms is 'CPU time used since the process began, in ms.';
comment on column stg_samples.memory_bytes is 'Resident memory in bytes, what is shared counted each time.';
comment on column stg_samples.peak_memory_bytes is
'The most that the largest of its processes ever held; known at its end.';
comment on column stg_samples.disk_read_bytes is 'Read from disk since it began, in bytes.';
comment on column stg_samples.disk_write_bytes is 'Written to disk since it began, in bytes.';
comment on column stg_samples.recorded_at is 'When the recorder wrote the row into its spool, UTC.';

-- What a second observer saw of calls that count already, as the first one saw them: only what hops needs.
create or replace view stg_shadowed_calls as
with

ended as (

    select * from raw_events
    where
        outcome is not null
        and is_final

),

shadows as (

    select * from raw_shadowed

),

final as (

    select
        ended.event_id,
        ended.connection_id,
        shadows.shadowed_by,
        ended.observer,
        ended.sequence,
        ended.request_id,
        ended.method,
        ended.target,
        ended.started_at,
        ended.outcome,
        ended.duration_ms,
        ended.wait_ms,
        ended.work_ms
    from ended
    inner join shadows on ended.connection_id = shadows.connection_id

)

select * from final;

comment on view stg_shadowed_calls is
'One row per finished call that an observer further out saw, too.';
comment on column stg_shadowed_calls.event_id is 'The request; run and sequence together.';
comment on column stg_shadowed_calls.connection_id is 'The connection it travelled on.';
comment on column stg_shadowed_calls.shadowed_by is
'The connection that recorded the same traffic from further out.';
comment on column stg_shadowed_calls.observer is
'Where the recorder stood: proxy, client, server or import.';
comment on column stg_shadowed_calls.sequence is
'Counts the requests of a run from 1; a gap is a lost event.';
comment on column stg_shadowed_calls.request_id is
'The JSON-RPC id as JSON text, so that 7 and "7" differ.';
comment on column stg_shadowed_calls.method is 'The JSON-RPC method, such as tools/call.';
comment on column stg_shadowed_calls.target is
'The tool, prompt or resource asked for; of a URI never the query string.';
comment on column stg_shadowed_calls.started_at is 'When the request was seen, UTC.';
comment on column stg_shadowed_calls.outcome is 'How it ended, as this observer saw it.';
comment on column stg_shadowed_calls.duration_ms is 'Request seen to answer seen, in ms.';
comment on column stg_shadowed_calls.wait_ms is
'The part of the duration spent on a person or a model, in ms.';
comment on column stg_shadowed_calls.work_ms is 'The rest of the duration, in ms.';

-- A recorder says at its end what it lost in all; until then, and if it died, its notices do.
create or replace view int_losses as
with

recordings as (

    select * from stg_runs

),

noticed as (

    select
        run_id,
        sum(lost_count) as lost_count
    from stg_notices
    group by run_id

),

known as (

    select run_id from recordings
    union
    select run_id from noticed

),

final as (

    select
        known.run_id,
        cast(coalesce(recordings.lost_count, noticed.lost_count, 0) as bigint) as lost_count
    from known
    left join recordings on known.run_id = recordings.run_id
    left join noticed on known.run_id = noticed.run_id

)

select * from final;

comment on view int_losses is 'One row per recording: what its recorder had to drop.';
comment on column int_losses.run_id is 'The recording.';
comment on column int_losses.lost_count is 'Messages and events lost.';

-- The calls that a tool is judged by. A call that is still open has no outcome to count yet; a warm-up call
-- was made to be slow. Both stand in calls.
create or replace view int_tool_calls as
with

requests as (

    select * from stg_events

),

final as (

    select
        call_id,
        session_id,
        server_name,
        tool_name,
        started_at,
        outcome,
        error_class,
        is_success,
        is_caller_error,
        is_without_answer,
        measured_ms,
        case
            when measured_ms is not null
                -- The tail has no bins yet; sealing makes the same ones.
                then coalesce(
                    duration_bin,
                    cast(ceil(ln(greatest(measured_ms, cast(0.000001 as double))) / ln(1.02)) as bigint)
                )
        end as measured_bin
    from requests
    where
        is_final
        and method = 'tools/call'
        and is_warmup is not true

)

select * from final;

comment on view int_tool_calls is 'One row per finished tool call that was not made to warm up.';
comment on column int_tool_calls.call_id is 'The call.';
comment on column int_tool_calls.session_id is 'The calls that belong together for the user.';
comment on column int_tool_calls.server_name is 'The server.';
comment on column int_tool_calls.tool_name is 'The tool.';
comment on column int_tool_calls.started_at is 'When the request was seen, UTC.';
comment on column int_tool_calls.outcome is 'How it ended.';
comment on column int_tool_calls.error_class is 'Why it failed.';
comment on column int_tool_calls.is_success is 'Whether it succeeded; NULL when it was cancelled.';
comment on column int_tool_calls.is_caller_error is 'Whether the caller was at fault.';
comment on column int_tool_calls.is_without_answer is
'Whether no answer came while the caller waited; that is over every latency budget.';
comment on column int_tool_calls.measured_ms is
'The time that counts for quantiles, in ms; NULL when none does.';
comment on column int_tool_calls.measured_bin is
'The logarithmic bin that measured_ms falls into: its middle is at most 1 % off.';

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

-- Everything that was asked for: tools, prompts and resources, also what is still open and what warmed a
-- server up.
create or replace view calls as
with

ended as (

    select * from stg_events

),

still_open as (

    select * from stg_open_events

),

requests as (

    select * from ended
    union all
    select * from still_open

),

final as (

    select
        coalesce(call_id, event_id) as call_id,
        event_id,
        run_id,
        connection_id,
        session_id,
        session_basis,
        sequence,

        client_name,
        client_version,
        agent_id,
        user_id,

        server_name,
        server_version,
        tool_name,
        method,
        target,
        definition_hash,
        transport,
        protocol_version,

        started_at,
        ended_at,
        trace_id,
        span_id,
        test_id,
        is_warmup,
        coalesce(attempt, 1) as attempt,
        retry_of,
        round as round_count,

        arguments,
        arguments_hash,
        arguments_shape,
        request_bytes,

        credential_mode,
        credential_id,
        credential_scope,
        upstream,

        outcome,
        outcome_basis,
        is_success,
        is_caller_error,
        error_class,
        error_rule,
        error_code,
        error_message,
        error_origin,
        http_status,

        duration_ms,
        wait_ms,
        work_ms,
        first_progress_ms,
        progress_count,

        result,
        result_hash,
        response_bytes,
        content_kinds,
        is_structured,
        is_schema_valid,
        is_read_only,
        is_idempotent,
        is_destructive,

        side_effects,
        reversibility,
        cost_usd,
        input_tokens,
        output_tokens,
        checkpoint,
        note_basis
    from requests
    where is_final

)

select * from final;

comment on view calls is 'One row per call: a tool, prompt or resource asked for, and how it ended.';
comment on column calls.call_id is 'The call.';
comment on column calls.event_id is 'The request that ended it, its last round.';
comment on column calls.run_id is 'The recording this row belongs to.';
comment on column calls.connection_id is 'The connection it travelled on.';
comment on column calls.session_id is 'The calls that belong together for the user.';
comment on column calls.session_basis is
'How the session is known: handle, protocol, trace, client_process or connection.';
comment on column calls.sequence is 'Counts the requests of a run from 1; a gap is a lost event.';
comment on column calls.client_name is 'What the client calls itself.';
comment on column calls.client_version is 'The client''s version by its own word.';
comment on column calls.agent_id is 'The agent on whose behalf the client called.';
comment on column calls.user_id is 'The user on whose behalf the client called.';
comment on column calls.server_name is 'The server.';
comment on column calls.server_version is 'The server''s version by its own word.';
comment on column calls.tool_name is 'The tool; NULL for prompts and resources.';
comment on column calls.method is 'The JSON-RPC method, such as tools/call.';
comment on column calls.target is 'The tool, prompt or resource asked for; of a URI never the query string.';
comment on column calls.definition_hash is 'The definition of the target that was in force.';
comment on column calls.transport is 'stdio, http, sse or memory.';
comment on column calls.protocol_version is 'The MCP version that was spoken, such as 2026-07-28.';
comment on column calls.started_at is 'When it was first asked for, UTC.';
comment on column calls.ended_at is 'When it ended, UTC; NULL while it is open.';
comment on column calls.trace_id is 'The W3C trace the request carried.';
comment on column calls.span_id is 'The W3C parent span the request carried.';
comment on column calls.test_id is 'The test that made the call.';
comment on column calls.is_warmup is 'Whether the call only warmed the server up; budgets leave it out.';
comment on column calls.attempt is
'Which try of the same call this is, from 1: the same tool and arguments again after a failure.';
comment on column calls.retry_of is 'The failed call that this one repeats.';
comment on column calls.round_count is 'Rounds it took.';
comment on column calls.arguments is 'The arguments as JSON text; only where keeping contents was asked for.';
comment on column calls.arguments_hash is 'Keyed hash of the arguments: equal arguments, equal hash.';
comment on column calls.arguments_shape is
'The arguments'' declared keys with types and sizes in place of values, as JSON text.';
comment on column calls.request_bytes is 'Size of the request message, in bytes.';
comment on column calls.credential_mode is 'Whose credential the call used: user, service, none.';
comment on column calls.credential_id is 'Keyed fingerprint of the credential.';
comment on column calls.credential_scope is 'What the credential allows.';
comment on column calls.upstream is 'The system behind the tool that did the work.';
comment on column calls.outcome is 'How it ended; NULL while it is open.';
comment on column calls.outcome_basis is 'How the outcome is known.';
comment on column calls.is_success is
'Whether it succeeded; NULL while it is open, when it was cancelled, and when nobody knows.';
comment on column calls.is_caller_error is
'Whether the caller was at fault: wrong arguments or an unknown tool.';
comment on column calls.error_class is 'Why it failed.';
comment on column calls.error_rule is 'The rule that decided on the error class.';
comment on column calls.error_code is 'The JSON-RPC error code.';
comment on column calls.error_message is 'The error''s text as a template, without values.';
comment on column calls.error_origin is 'Where the error came from: server, client, transport or observer.';
comment on column calls.http_status is 'The HTTP status of the answer.';
comment on column calls.duration_ms is 'First request seen to last answer seen, in ms.';
comment on column calls.wait_ms is 'The part of the duration spent on a person or a model, in ms.';
comment on column calls.work_ms is 'The rest of the duration, in ms.';
comment on column calls.first_progress_ms is 'Request seen to first progress seen, in ms.';
comment on column calls.progress_count is 'Progress notifications seen.';
comment on column calls.result is 'The result as JSON text; only where keeping contents was asked for.';
comment on column calls.result_hash is 'Keyed hash of the result.';
comment on column calls.response_bytes is 'Size of the answer message, in bytes.';
comment on column calls.content_kinds is 'The kinds of content in the result, each once.';
comment on column calls.is_structured is 'Whether the result had structured content.';
comment on column calls.is_schema_valid is 'Whether the structured content is what outputSchema says.';
comment on column calls.is_read_only is 'The tool''s readOnlyHint.';
comment on column calls.is_idempotent is 'The tool''s idempotentHint.';
comment on column calls.is_destructive is 'The tool''s destructiveHint.';
comment on column calls.side_effects is 'What the call changed outside of itself.';
comment on column calls.reversibility is 'no_effect, reversible or permanent.';
comment on column calls.cost_usd is 'What the call cost, in US dollars.';
comment on column calls.input_tokens is 'Tokens a model read for the call.';
comment on column calls.output_tokens is 'Tokens a model wrote for the call.';
comment on column calls.checkpoint is 'How far the work had come, in the tool''s words.';
comment on column calls.note_basis is
'Where the notes came from: tool, result, configuration or log.';

-- Every connection, also one that a second observer saw from further in.
create or replace view connections as
with

links as (

    select * from stg_connections

),

final as (

    select
        connection_id,
        run_id,
        observer,
        shadowed_by,

        server_name,
        server_basis,
        server_version,
        command,
        address,
        transport,
        protocol_version,

        client_name,
        client_version,
        client_process_id,

        spawned_at,
        first_answered_at,
        ended_at,
        end_reason,
        exit_code,

        cast(epoch_us(first_answered_at) - epoch_us(spawned_at) as double) / 1000 as startup_ms,
        cast(epoch_us(ended_at) - epoch_us(spawned_at) as double) / 1000 as duration_ms
    from links

)

select * from final;

comment on view connections is
'One row per connection between a client and a server: who, how it was started, how it ended.';
comment on column connections.connection_id is 'The connection.';
comment on column connections.run_id is 'The recording this row belongs to.';
comment on column connections.observer is 'Where the recorder stood: proxy, client, server or import.';
comment on column connections.shadowed_by is
'The connection that recorded the same traffic from further out.';
comment on column connections.server_name is 'The server.';
comment on column connections.server_basis is
'How the server''s name is known: option, handshake, command or log.';
comment on column connections.server_version is 'The server''s version by its own word.';
comment on column connections.command is 'The server''s command after redaction.';
comment on column connections.address is 'The server''s address without query string or credentials.';
comment on column connections.transport is 'stdio, http, sse or memory.';
comment on column connections.protocol_version is 'The MCP version that was spoken, such as 2026-07-28.';
comment on column connections.client_name is 'What the client calls itself.';
comment on column connections.client_version is 'The client''s version by its own word.';
comment on column connections.client_process_id is
'Keyed hash of the process that the client is; NULL where unknown.';
comment on column connections.spawned_at is 'When the server was started or the connection opened, UTC.';
comment on column connections.first_answered_at is 'When the server''s first answer was seen, UTC.';
comment on column connections.ended_at is
'When the connection ended, UTC; NULL while it is open, and where nobody saw the end.';
comment on column connections.end_reason is
'Who ended it: client_closed, server_exited, signal, recorder_died or log_ended.';
comment on column connections.exit_code is 'The server''s exit code; a negative number is a signal.';
comment on column connections.startup_ms is 'From starting the server to its first answer, in ms.';
comment on column connections.duration_ms is 'From start to end, in ms; NULL without an end.';

-- What servers said of their tools, prompts and resources, and when that changed: another hash is another
-- definition. What changed since the run before is: from definitions where run_change is not null. The runs
-- compared are, for each server and kind, the newest two in which it listed any; what stood last in each
-- counts. changed_parts takes keys in another order for another part, as servers rarely change it.
create or replace view definitions as
with

advertised as (

    select * from stg_definitions

),

merged as (

    select
        server_name,
        kind,
        name,
        definition_hash,
        min(seen_at) as first_seen_at,
        max(seen_at) as last_seen_at,
        arg_min(run_id, row(seen_at, run_id)) as first_run_id,
        arg_max(run_id, row(seen_at, run_id)) as last_run_id,
        count(distinct run_id) as run_count,
        count(distinct connection_id) as connection_count,
        max(definition) as definition,
        max(definition_bytes) as definition_bytes,
        bool_or(is_read_only) as is_read_only,
        bool_or(is_idempotent) as is_idempotent,
        bool_or(is_destructive) as is_destructive
    from advertised
    group by server_name, kind, name, definition_hash

),

listings as (

    select
        server_name,
        kind,
        run_id,
        min(seen_at) as began_at
    from advertised
    group by server_name, kind, run_id

),

aged as (

    select
        server_name,
        kind,
        run_id,
        row_number() over (
            partition by server_name, kind
            order by began_at desc nulls last, run_id desc
        ) as age
    from listings

),

standing as (

    select
        advertised.server_name,
        advertised.kind,
        advertised.name,
        aged.age,
        advertised.definition_hash,
        row_number() over (
            partition by advertised.server_name, advertised.kind, advertised.name, advertised.run_id
            order by advertised.seen_at desc nulls last, advertised.definition_hash asc
        ) as place
    from advertised
    inner join aged
        on
            advertised.server_name is not distinct from aged.server_name
            and advertised.kind is not distinct from aged.kind
            and advertised.run_id = aged.run_id
    where aged.age <= 2

),

newest_run as (

    select * from standing
    where
        age = 1
        and place = 1

),

preceding_run as (

    select * from standing
    where
        age = 2
        and place = 1

),

compared_kinds as (

    select
        server_name,
        kind
    from aged
    where age = 2

),

ordered as (

    select
        *,
        row_number() over newest_first = 1 as is_current,
        row_number() over oldest_first as revision,
        lag(definition_hash) over oldest_first as earlier_hash,
        lead(definition_hash) over oldest_first as later_hash,
        lead(first_seen_at) over oldest_first as later_at
    from merged
    window
        newest_first as (
            partition by server_name, kind, name
            order by last_seen_at desc nulls last, first_seen_at desc nulls last, definition_hash asc
        ),
        oldest_first as (
            partition by server_name, kind, name
            order by first_seen_at nulls last, last_seen_at nulls last, definition_hash
        )

),

compared as (

    select
        ordered.*,
        case
            when compared_kinds.kind is null then null
            when
                ordered.definition_hash = newest_run.definition_hash and preceding_run.definition_hash is null
                then 'added'
            when
                ordered.definition_hash = newest_run.definition_hash
                and ordered.definition_hash <> preceding_run.definition_hash
                then 'changed'
            when
                ordered.definition_hash = preceding_run.definition_hash and newest_run.definition_hash is null
                then 'removed'
            when
                ordered.definition_hash = preceding_run.definition_hash
                and ordered.definition_hash <> newest_run.definition_hash
                then 'replaced'
        end as run_change,
        preceding_run.definition_hash as before_hash
    from ordered
    left join compared_kinds
        on
            ordered.server_name is not distinct from compared_kinds.server_name
            and ordered.kind is not distinct from compared_kinds.kind
    left join newest_run
        on
            ordered.server_name is not distinct from newest_run.server_name
            and ordered.kind is not distinct from newest_run.kind
            and ordered.name is not distinct from newest_run.name
    left join preceding_run
        on
            ordered.server_name is not distinct from preceding_run.server_name
            and ordered.kind is not distinct from preceding_run.kind
            and ordered.name is not distinct from preceding_run.name

),

-- What was taken back follows on what it was taken back from, not on what once stood before it.
linked as (

    select
        *,
        case when run_change = 'changed' then before_hash else earlier_hash end as replaces_hash
    from compared

),

final as (

    select
        linked.server_name,
        linked.kind,
        linked.name,
        linked.definition_hash,

        linked.is_current,
        linked.revision,
        linked.run_change,
        case
            when replaced.definition_hash is not null
                then
                    coalesce(
                        nullif(
                            concat_ws(
                                ', ',
                                case
                                    when
                                        json_extract_string(linked.definition, '$.description')
                                        is distinct from json_extract_string(
                                            replaced.definition, '$.description'
                                        )
                                        then 'description'
                                end,
                                case
                                    when
                                        json_extract_string(linked.definition, '$.title')
                                        is distinct from json_extract_string(replaced.definition, '$.title')
                                        then 'title'
                                end,
                                case
                                    when
                                        json_extract_string(linked.definition, '$.inputSchema')
                                        is distinct from json_extract_string(
                                            replaced.definition, '$.inputSchema'
                                        )
                                        then 'inputSchema'
                                end,
                                case
                                    when
                                        json_extract_string(linked.definition, '$.outputSchema')
                                        is distinct from json_extract_string(
                                            replaced.definition, '$.outputSchema'
                                        )
                                        then 'outputSchema'
                                end,
                                case
                                    when
                                        json_extract_string(linked.definition, '$.annotations')
                                        is distinct from json_extract_string(
                                            replaced.definition, '$.annotations'
                                        )
                                        then 'annotations'
                                end,
                                case
                                    when
                                        json_extract_string(linked.definition, '$.arguments')
                                        is distinct from json_extract_string(
                                            replaced.definition, '$.arguments'
                                        )
                                        then 'arguments'
                                end
                            ),
                            ''
                        ),
                        'other'
                    )
        end as changed_parts,
        linked.replaces_hash,
        case when not linked.is_current then linked.later_hash end as replaced_by_hash,
        case when not linked.is_current then linked.later_at end as replaced_at,

        linked.first_seen_at,
        linked.last_seen_at,
        linked.first_run_id,
        linked.last_run_id,
        linked.run_count,
        linked.connection_count,

        linked.is_read_only,
        linked.is_idempotent,
        linked.is_destructive,
        linked.definition_bytes,
        linked.definition
    from linked
    left join merged as replaced
        on
            linked.server_name is not distinct from replaced.server_name
            and linked.kind is not distinct from replaced.kind
            and linked.name is not distinct from replaced.name
            and linked.replaces_hash = replaced.definition_hash

)

select * from final;

comment on view definitions is
'One row per definition of a tool, prompt or resource: what a server said of it, and what changed.';
comment on column definitions.server_name is 'The server.';
comment on column definitions.kind is 'tool, prompt, resource or resource_template.';
comment on column definitions.name is 'Its name; of a resource its URI without query string.';
comment on column definitions.definition_hash is 'Hash of the definition''s canonical JSON.';
comment on column definitions.is_current is 'Whether it is the one seen last.';
comment on column definitions.revision is 'Counts the definitions this name has had, from 1.';
comment on column definitions.run_change is
'What the newest run changed against the run before: added, changed, replaced (by what changed), removed.';
comment on column definitions.changed_parts is
'In what it differs from the definition that it replaces: description, inputSchema, … or other.';
comment on column definitions.replaces_hash is 'The definition of this name before it; NULL for the first.';
comment on column definitions.replaced_by_hash is
'The definition of this name after it; NULL while it is current.';
comment on column definitions.replaced_at is 'When that was seen first, UTC.';
comment on column definitions.first_seen_at is 'When it was seen first, UTC.';
comment on column definitions.last_seen_at is 'When a connection last began with it, UTC.';
comment on column definitions.first_run_id is 'The recording in which it was seen first.';
comment on column definitions.last_run_id is 'The recording in which it was seen last.';
comment on column definitions.run_count is 'Recordings it was seen in.';
comment on column definitions.connection_count is 'Connections it was seen on.';
comment on column definitions.is_read_only is 'The tool''s readOnlyHint.';
comment on column definitions.is_idempotent is 'The tool''s idempotentHint.';
comment on column definitions.is_destructive is 'The tool''s destructiveHint.';
comment on column definitions.definition_bytes is 'Size of the definition''s JSON, in bytes.';
comment on column definitions.definition is 'As JSON text; of a resource what --keep allows.';

-- What goes wrong, and where: failures of tools, prompts and resources by class, code and message.
create or replace view errors as
with

failures as (

    select
        *,
        coalesce(call_id, event_id) as failed_call_id
    from stg_events
    where
        is_final
        and is_success is false
        and is_warmup is not true

),

ranked as (

    select
        *,
        row_number() over (
            partition by server_name, method, target, outcome, error_class, error_code, error_message
            order by started_at desc nulls last, sequence desc, event_id asc
        ) as age
    from failures

),

final as (

    select
        server_name,
        max(tool_name) as tool_name,
        method,
        target,
        outcome,
        error_class,
        error_code,
        error_message,

        count(*) as call_count,
        min(started_at) as first_at,
        max(started_at) as last_at,
        max(case when age = 1 then failed_call_id end) as last_call_id,
        max(case when age = 1 then session_id end) as last_session_id
    from ranked
    group by server_name, method, target, outcome, error_class, error_code, error_message

)

select * from final;

comment on view errors is 'One row per server, target, and way of failing.';
comment on column errors.server_name is 'The server.';
comment on column errors.tool_name is 'The tool; NULL for prompts and resources.';
comment on column errors.method is 'What was asked for: tools/call, prompts/get or resources/read.';
comment on column errors.target is 'The tool, prompt or resource asked for; of a URI never the query string.';
comment on column errors.outcome is 'How it ended.';
comment on column errors.error_class is 'Why it failed.';
comment on column errors.error_code is 'The JSON-RPC error code.';
comment on column errors.error_message is 'The error''s text as a template, without values.';
comment on column errors.call_count is 'Calls that failed so; warm-ups are left out, as in tool_metrics.';
comment on column errors.first_at is 'When such a call was first made, UTC.';
comment on column errors.last_at is 'When such a call was last made, UTC.';
comment on column errors.last_call_id is 'The newest of these calls.';
comment on column errors.last_session_id is 'The session of the newest of these calls.';

-- Where the time of a call went, from one observer to the next one further in. The two saw the same requests
-- in the same order, so that of those with one id, method and target the first is the first. A call that
-- three observers saw has two rows with one call_id: that of the outermost, under which it stands in calls.
create or replace view hops as
with

counted as (

    select * from stg_events
    where is_final

),

shadowed as (

    select * from stg_shadowed_calls

),

watched as (

    select distinct shadowed_by as connection_id
    from shadowed

),

outside as (

    select
        event_id,
        connection_id,
        observer,
        sequence,
        request_id,
        method,
        target,
        started_at,
        outcome,
        duration_ms,
        coalesce(call_id, event_id) as counted_id,
        server_name,
        tool_name
    from counted
    where connection_id in (select watched.connection_id from watched)
    union all
    select
        event_id,
        connection_id,
        observer,
        sequence,
        request_id,
        method,
        target,
        started_at,
        outcome,
        duration_ms,
        cast(null as varchar) as counted_id,
        cast(null as varchar) as server_name,
        cast(null as varchar) as tool_name
    from shadowed
    where connection_id in (select watched.connection_id from watched)

),

outer_calls as (

    select
        *,
        row_number() over (
            partition by connection_id, request_id, method, target
            order by started_at, sequence, event_id
        ) as place
    from outside

),

inner_calls as (

    select
        *,
        row_number() over (
            partition by connection_id, request_id, method, target
            order by started_at, sequence, event_id
        ) as place
    from shadowed

),

pairs as (

    select
        outer_calls.event_id as outer_event_id,
        inner_calls.event_id as inner_event_id,
        outer_calls.counted_id,
        outer_calls.server_name,
        outer_calls.tool_name,
        inner_calls.method,
        inner_calls.target,
        outer_calls.started_at,
        outer_calls.observer as outer_observer,
        inner_calls.observer as inner_observer,
        outer_calls.connection_id as outer_connection_id,
        inner_calls.connection_id as inner_connection_id,
        outer_calls.outcome as outer_outcome,
        inner_calls.outcome as inner_outcome,
        outer_calls.duration_ms as outer_duration_ms,
        inner_calls.duration_ms as inner_duration_ms,
        case when inner_calls.observer = 'server' then inner_calls.work_ms end as handler_ms
    from inner_calls
    inner join outer_calls
        on
            inner_calls.shadowed_by = outer_calls.connection_id
            and inner_calls.request_id is not distinct from outer_calls.request_id
            and inner_calls.method is not distinct from outer_calls.method
            and inner_calls.target is not distinct from outer_calls.target
            and inner_calls.place = outer_calls.place

),

-- Client, proxy and server are three, and a proxy may stand before a proxy: two steps outwards are enough.
final as (

    select
        coalesce(pairs.counted_id, one_out.counted_id, two_out.counted_id) as call_id,
        coalesce(pairs.tool_name, one_out.tool_name, two_out.tool_name) as tool_name,
        pairs.outer_observer,
        pairs.inner_observer,
        pairs.outer_duration_ms - pairs.inner_duration_ms as transport_ms,
        pairs.handler_ms,
        pairs.outer_duration_ms,
        pairs.inner_duration_ms,

        coalesce(pairs.server_name, one_out.server_name, two_out.server_name) as server_name,
        pairs.method,
        pairs.target,
        pairs.started_at,

        pairs.outer_outcome,
        pairs.inner_outcome,
        pairs.outer_connection_id,
        pairs.inner_connection_id
    from pairs
    left join pairs as one_out on pairs.outer_event_id = one_out.inner_event_id
    left join pairs as two_out on one_out.outer_event_id = two_out.inner_event_id

)

select * from final;

comment on view hops is
'One row per call and pair of observers that saw it, one behind the other: where its time went.';
comment on column hops.call_id is 'The call, as it stands in calls.';
comment on column hops.server_name is 'The server.';
comment on column hops.tool_name is 'The tool; NULL for prompts and resources.';
comment on column hops.method is 'The JSON-RPC method, such as tools/call.';
comment on column hops.target is 'The tool, prompt or resource asked for; of a URI never the query string.';
comment on column hops.started_at is 'When the outer observer saw the request, UTC.';
comment on column hops.outer_observer is 'The one nearer to the client: client, proxy or server.';
comment on column hops.inner_observer is 'The one nearer to the server: proxy, server or import.';
comment on column hops.outer_duration_ms is 'Request to answer as the outer observer saw it, in ms.';
comment on column hops.inner_duration_ms is 'Request to answer as the inner observer saw it, in ms.';
comment on column hops.transport_ms is
'What was spent between the two, there and back, in ms; NULL where either is unknown.';
comment on column hops.handler_ms is
'What the server itself took, without waiting for a person or a model, in ms; NULL unless it recorded.';
comment on column hops.outer_outcome is 'How it ended for the outer observer.';
comment on column hops.inner_outcome is
'How it ended for the inner one; another where one gave up before the other was done.';
comment on column hops.outer_connection_id is 'The connection as the outer observer recorded it.';
comment on column hops.inner_connection_id is 'The connection as the inner observer recorded it.';

-- What was seen beside requests and answers: lines that are no JSON, late or doubled answers, log messages,
-- losses.
create or replace view notices as
with

seen as (

    select * from stg_notices

),

links as (

    select * from stg_connections

),

final as (

    select
        seen.notice_id,
        seen.run_id,
        seen.connection_id,
        links.server_name,
        seen.noticed_at,
        seen.kind,
        seen.direction,
        seen.method,
        seen.request_id,
        seen.detail,
        seen.size_bytes,
        seen.lost_count
    from seen
    left join links on seen.connection_id = links.connection_id

)

select * from final;

comment on view notices is 'One row per thing seen on the wire, or met by the recorder, that is no request.';
comment on column notices.notice_id is 'The notice.';
comment on column notices.run_id is 'The recording this row belongs to.';
comment on column notices.connection_id is 'The connection it was seen on.';
comment on column notices.server_name is 'The server.';
comment on column notices.noticed_at is 'When it was seen, UTC.';
comment on column notices.kind is 'What it was, such as not_json or late_answer.';
comment on column notices.direction is 'to_server when the client sent it, to_client when the server did.';
comment on column notices.method is 'The JSON-RPC method, if it had one.';
comment on column notices.request_id is 'The JSON-RPC id as JSON text, if it had one.';
comment on column notices.detail is 'One line that says more, without contents.';
comment on column notices.size_bytes is 'Its size on the wire, in bytes.';
comment on column notices.lost_count is 'How many messages or events were lost.';

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

-- How each server stands, over all its tools. Counts what tool_metrics counts. A server that was started and
-- never called stands here too.
create or replace view server_metrics as
with

tool_calls as (

    select * from int_tool_calls

),

links as (

    select * from stg_connections
    where shadowed_by is null

),

called as (

    select
        server_name,
        count(distinct tool_name) as tool_count,
        count(*) as call_count,
        count(*) filter (where is_success) as success_count,
        count(*) filter (where not is_success) as failure_count,
        count(*) filter (where outcome = 'cancelled') as cancelled_count,
        count(*) filter (where outcome = 'unknown') as unknown_count,
        quantile_cont(measured_ms, [cast(0.5 as double), cast(0.95 as double)]) as all_ms,
        max(started_at) as last_at
    from tool_calls
    group by server_name

),

started as (

    select
        server_name,
        count(*) as connection_count,
        max(coalesce(ended_at, spawned_at)) as last_at
    from links
    group by server_name

),

known as (

    select server_name from called
    union
    select server_name from started

),

final as (

    select
        known.server_name,

        coalesce(started.connection_count, 0) as connection_count,
        coalesce(called.tool_count, 0) as tool_count,
        coalesce(called.call_count, 0) as call_count,
        coalesce(called.success_count, 0) as success_count,
        coalesce(called.failure_count, 0) as failure_count,
        coalesce(called.cancelled_count, 0) as cancelled_count,
        case
            when called.success_count + called.failure_count > 0 and called.unknown_count = 0
                then
                    cast(called.failure_count as double)
                    / cast(called.success_count + called.failure_count as double)
        end as failure_rate,

        called.all_ms[1] as p50_ms,
        called.all_ms[2] as p95_ms,

        case
            when called.last_at is null or started.last_at > called.last_at then started.last_at
            else called.last_at
        end as last_at
    from known
    left join called on known.server_name is not distinct from called.server_name
    left join started on known.server_name is not distinct from started.server_name

)

select * from final;

comment on view server_metrics is
'One row per server: how often it was started and called, how that ended, how long it took.';
comment on column server_metrics.server_name is 'The server.';
comment on column server_metrics.connection_count is 'Connections to it.';
comment on column server_metrics.tool_count is 'Its tools that were called.';
comment on column server_metrics.call_count is
'Finished tool calls: successes, failures, cancelled and unknown ones.';
comment on column server_metrics.success_count is 'Tool calls that ended ok and without an error class.';
comment on column server_metrics.failure_count is
'Tool calls that failed, timed out, or never got an answer.';
comment on column server_metrics.cancelled_count is 'Tool calls that the caller no longer wanted.';
comment on column server_metrics.failure_rate is 'Failures of successes and failures, 0 to 1.';
comment on column server_metrics.p50_ms is
'Half of its tool calls took at most this long, in ms; interpolated.';
comment on column server_metrics.p95_ms is
'95 of 100 of its tool calls took at most this long, in ms; interpolated.';
comment on column server_metrics.last_at is 'When it was last called, or else last connected, UTC.';

-- What the servers that mcplens started used of the machine, each with the processes it started itself. A
-- connection is measured from its server's start to the last look at it. A server that was never looked at is
-- not here.
create or replace view server_usage as
with

samples as (

    select * from stg_samples

),

links as (

    select * from stg_connections

),

by_connection as (

    select
        connection_id,
        count(*) as sample_count,
        max(sampled_at) as last_at,
        max(cpu_ms) as cpu_ms,
        max(greatest(memory_bytes, peak_memory_bytes)) as peak_memory_bytes,
        max(disk_read_bytes) as disk_read_bytes,
        max(disk_write_bytes) as disk_write_bytes
    from samples
    group by connection_id

),

measured as (

    select
        links.server_name,
        by_connection.*,
        case
            when by_connection.cpu_ms is not null
                then cast(epoch_us(by_connection.last_at) - epoch_us(links.spawned_at) as double) / 1000
        end as measured_ms
    from by_connection
    left join links on by_connection.connection_id = links.connection_id

),

final as (

    select
        server_name,

        count(*) as connection_count,
        cast(sum(sample_count) as bigint) as sample_count,
        sum(measured_ms) as measured_ms,

        sum(cpu_ms) as cpu_ms,
        case when sum(measured_ms) > 0 then sum(cpu_ms) / sum(measured_ms) end as cpu_share,
        max(peak_memory_bytes) as peak_memory_bytes,
        cast(sum(disk_read_bytes) as bigint) as disk_read_bytes,
        cast(sum(disk_write_bytes) as bigint) as disk_write_bytes,

        max(last_at) as last_at
    from measured
    group by server_name

)

select * from final;

comment on view server_usage is
'One row per server that mcplens started: what it used of the machine: CPU, memory, disk.';
comment on column server_usage.server_name is 'The server.';
comment on column server_usage.connection_count is 'Its connections of which something is known.';
comment on column server_usage.sample_count is 'How often it was looked at.';
comment on column server_usage.measured_ms is 'From its starts to the last looks at it, in ms, summed up.';
comment on column server_usage.cpu_ms is 'CPU time it used in all, in ms.';
comment on column server_usage.cpu_share is 'CPU time of the time measured; 1 is one core all the time.';
comment on column server_usage.peak_memory_bytes is
'The most memory it was seen with on one connection, in bytes.';
comment on column server_usage.disk_read_bytes is 'Read from disk in all, in bytes.';
comment on column server_usage.disk_write_bytes is 'Written to disk in all, in bytes.';
comment on column server_usage.last_at is 'When it was last looked at, UTC.';

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
