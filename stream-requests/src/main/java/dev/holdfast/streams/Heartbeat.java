package dev.holdfast.streams;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The signs of life: of what is being worked on, so that nobody takes it over, however long the work is, unless somebody has already; and of
 * this server, so that it is known while it has nothing to do. Now and then it removes consumers of dead workers too.
 */
final class Heartbeat implements SteadyThread.Turn, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Heartbeat.class);
    private static final long LEAST_IDLE_MILLIS = 5_000;
    private static final int AT_ONCE = 500;

    private final Worker worker;
    private final List<Partition> partitions;
    private final SickPartitions sick;
    private final SteadyThread thread = new SteadyThread("holdfast-requests-beat", this, Heartbeat::failed);
    private long nextBeat = System.nanoTime();
    private long nextTidying = System.nanoTime();

    Heartbeat(Worker worker, List<Partition> partitions, SickPartitions sick) {
        this.worker = worker;
        this.partitions = partitions;
        this.sick = sick;
    }

    private static void failed(Throwable e) {
        LOG.debug("no sign of life: {}", Trouble.shown(e));
    }

    /** Sees to it that it beats. */
    void ensure() {
        thread.ensure();
    }

    @Override
    public void take() {
        long left = nextBeat - System.nanoTime();
        if (left > 0) {
            LockSupport.parkNanos(this, left);
            return;
        }
        nextBeat = System.nanoTime() + worker.beat().toNanos();
        beat();
        touch();
        if (nextTidying - System.nanoTime() <= 0) {
            nextTidying = System.nanoTime()
                    + Math.max(1_000, worker.config().claimIdle().toMillis()) * 1_000_000;
            removeConsumers(
                    "",
                    Math.max(LEAST_IDLE_MILLIS, 5 * worker.config().claimIdle().toMillis()));
        }
    }

    private void beat() {
        Map<Partition, List<Held>> all = new HashMap<>();
        worker.atWork().forEach(held -> all.computeIfAbsent(held.partition(), p -> new ArrayList<>())
                .add(held));
        all.forEach((partition, held) -> {
            for (int from = 0; from < held.size(); from += AT_ONCE) {
                beat(partition, held.subList(from, Math.min(from + AT_ONCE, held.size())));
            }
        });
    }

    private void beat(Partition partition, List<Held> held) {
        List<Object> claim = new ArrayList<>(List.of(Keys.GROUP, worker.consumer(), ""));
        held.forEach(each -> claim.add(each.entryId()));
        List<Command> commands = new ArrayList<>();
        commands.add(Script.CLAIM.on(partition.stream(), claim.toArray()));
        for (Held each : held) {
            Command lease = each.keepLease();
            if (lease != null) {
                commands.add(lease);
            }
        }
        try {
            var unused = worker.redis().all(commands);
        } catch (RuntimeException e) {
            LOG.debug("no sign of life at {}: {}", partition, Trouble.shown(e));
        }
    }

    private void touch() {
        for (Partition partition : partitions) {
            if (sick.isWell(partition.number())) {
                try {
                    partition.touch(worker.redis());
                } catch (RuntimeException e) {
                    LOG.debug("no sign of life at {}: {}", partition, Trouble.shown(e));
                }
            }
        }
    }

    /** Removes this server's consumers, unless something is pending there: that is for others to take over. */
    void leave() {
        removeConsumers(worker.consumer(), Long.MAX_VALUE >> 11);
    }

    private void removeConsumers(String name, long idleMillis) {
        for (Partition partition : partitions) {
            if (sick.isWell(partition.number())) {
                try {
                    var unused = worker.redis()
                            .call(Script.REMOVE_CONSUMERS.on(partition.stream(), Keys.GROUP, name, idleMillis));
                } catch (RuntimeException e) {
                    LOG.debug("consumers of {} are not tidied: {}", partition, Trouble.shown(e));
                }
            }
        }
    }

    /** Ends the beat; returns when it has ended, or after so long. */
    void stop(long atMostMillis) throws InterruptedException {
        thread.close();
        thread.join(atMostMillis);
    }

    @Override
    public void close() {
        thread.close();
    }
}
