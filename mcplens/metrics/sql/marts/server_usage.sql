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
