package dev.holdfast.streams;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes requests for the free terminals, and never more. First, every 400 to 500 ms, or with a short {@code claimIdle} more often, what silent workers have left, one after
 * another, then what is new. With several partitions it looks at each in turn and waits a moment at one; one that is sick is left out until it is well.
 */
final class Intake implements SteadyThread.Turn {
    private static final Logger LOG = LoggerFactory.getLogger(Intake.class);
    /** The longest wait in the server. */
    static final long BLOCK_MILLIS = 500;

    /** The longest where there is more to look after than one stream. */
    private static final long SHORT_BLOCK_MILLIS = 20;

    private final Worker worker;
    private final Redis redis;
    private final Terminals terminals;
    private final List<Partition> partitions;
    private final Pause pause = new Pause(LOG, "taking requests", null);
    private final Pause room = new Pause(LOG, "keeping answers", null);
    private final long roundNanos;
    private long nextRound = System.nanoTime();
    private int turn;
    private int most;
    private final SickPartitions sick;
    private final Heartbeat heartbeat;
    private final SteadyThread thread = new SteadyThread("holdfast-requests-take", this, this::failed);
    private volatile boolean full;
    private volatile boolean stopped;

    /** Takes requests over {@code redis}, on which nobody else waits. */
    Intake(Worker worker, Redis redis, Terminals terminals) {
        this.worker = worker;
        this.most = terminals.total();
        this.redis = redis;
        this.terminals = terminals;
        this.partitions = IntStream.range(0, worker.keys().partitions())
                .mapToObj(number -> new Partition(worker, number))
                .toList();
        this.sick = worker.sick();
        this.heartbeat = new Heartbeat(worker, partitions);
        this.roundNanos = Math.min(worker.beat().toNanos(), BLOCK_MILLIS * 1_000_000);
        this.turn = ThreadLocalRandom.current().nextInt(partitions.size());
    }

    Heartbeat heartbeat() {
        return heartbeat;
    }

    /** Why no request is taken or no answer kept; empty if some are. */
    Optional<String> trouble() {
        return silence().or(() -> full ? room.trouble() : Optional.empty());
    }

    /** Why Redis gives no requests; empty if it gives some. */
    Optional<String> silence() {
        return pause.trouble().or(() -> sick.areAllSick() ? sick.trouble() : Optional.empty());
    }

    /** Why requests of some partition are not taken, or not answered. */
    Optional<String> partTrouble() {
        return sick.trouble().or(room::trouble);
    }

    /** Sees to it that requests are taken. */
    void ensure() {
        thread.ensure();
    }

    @Override
    public void take() throws InterruptedException {
        heartbeat.ensure();
        int free = terminals.awaitFree(Duration.ofMillis(BLOCK_MILLIS));
        if (!stopped) {
            take(Math.min(free, most));
            most = Math.min(2 * most, terminals.total());
            if (!sick.areAllSick()) {
                pause.worked();
            }
        }
    }

    private void failed(Throwable e) {
        if (e instanceof Error) {
            // Without memory or threads for so many requests there may be some for fewer.
            most = 1;
        }
        if (!stopped) {
            pause.failed(e);
            pause.rest();
        }
    }

    private void take(int free) {
        int left = free - resume(free);
        if (System.nanoTime() - nextRound >= 0) {
            lookAround();
            left -= takeOver(left);
            nextRound = System.nanoTime()
                    + (long) (roundNanos
                            * (0.8 + 0.2 * ThreadLocalRandom.current().nextDouble()));
        } else if (hasMore() && worker.suspects().isFree()) {
            left -= takeOver(left);
        }
        if (free == 0) {
            return;
        }
        for (int i = 0; i < partitions.size() && left > 0 && partitions.size() > 1; i++) {
            left -= takeNew(left, 0);
        }
        if (left == free || (partitions.size() == 1 && left > 0)) {
            takeNew(left, left == free ? block() : 0);
        }
    }

    /** Runs what has waited for another run that came to nothing; says how many. */
    private int resume(int free) {
        int begun = 0;
        while (begun < free) {
            Repetition next = worker.repetitions().next();
            if (next == null) {
                return begun;
            }
            boolean resumed = false;
            try {
                resumed = at(next.partition(), () -> again(next)) > 0;
            } finally {
                worker.repetitions().resumed(next, resumed);
            }
            begun += resumed ? 1 : 0;
        }
        return begun;
    }

    private List<RequestRun> again(Repetition waited) {
        Partition.Taken taken = waited.partition().again(redis, waited.entryId(), waited.delivery());
        if (taken == null) {
            worker.repetitions().resumed(waited, true);
            return List.of();
        }
        return List.of(RequestRun.resumed(worker, waited, taken));
    }

    /** Takes over one request, if one of the {@link Suspects} may begin; says how many. */
    private int takeOver(int free) {
        int first = ThreadLocalRandom.current().nextInt(partitions.size());
        int taken = 0;
        for (int i = 0; i < partitions.size(); i++) {
            Partition partition = partitions.get((first + i) % partitions.size());
            if (taken < free && worker.suspects().isFree()) {
                taken += at(partition, () -> runs(partition, partition.takeOver(redis)));
            }
        }
        return taken;
    }

    /** What needs no terminal: so it is done while none is free, too, and a Redis that is away or full is noticed then. */
    private void lookAround() {
        List<RuntimeException> refusals = new ArrayList<>();
        for (Partition partition : partitions) {
            var unused = at(partition, () -> {
                partition.askTime(redis);
                try {
                    // One without memory gives requests, but takes no answers.
                    redis.call(worker.keys().room(partition.number()));
                } catch (RuntimeException e) {
                    if (!Trouble.isRefusal(e)) {
                        throw e;
                    }
                    refusals.add(e);
                }
                takeOverAnswered(partition);
                return List.of();
            });
        }
        full = refusals.size() == partitions.size();
        if (refusals.isEmpty()) {
            room.worked();
        } else {
            room.failed(refusals.get(0));
        }
    }

    /** What Redis refuses here must not keep a partition's requests from being taken over. */
    private void takeOverAnswered(Partition partition) {
        try {
            partition.kept().takeOver(redis);
        } catch (RuntimeException e) {
            if (!Trouble.isRefusal(e)) {
                throw e;
            }
            LOG.debug("answers that dead workers kept in partition {} can't be looked for", partition.number(), e);
        }
    }

    private boolean hasMore() {
        return partitions.stream().anyMatch(Partition::hasMore);
    }

    private List<RequestRun> runs(Partition partition, List<Partition.Taken> taken) {
        return taken.stream()
                .map(each -> new RequestRun(worker, partition, each))
                .toList();
    }

    private int takeNew(int most, long blockMillis) {
        Partition partition = inTurn();
        if (partition == null) {
            LockSupport.parkNanos(this, SHORT_BLOCK_MILLIS * 1_000_000);
            return 0;
        }
        return at(partition, () -> {
            if (!partition.clock().isKnown()) {
                partition.askTime(redis);
            }
            return runs(partition, partition.takeNew(redis, most, blockMillis));
        });
    }

    /** Takes from one of the partitions and begins that; what is wrong with it alone stops no other. */
    private int at(Partition partition, Supplier<List<RequestRun>> taking) {
        if (!sick.isWell(partition.number())) {
            return 0;
        }
        List<RequestRun> taken;
        try {
            taken = taking.get();
        } catch (RuntimeException e) {
            if (!sick.isOneOnly(e)) {
                throw e;
            }
            if (!stopped) {
                sick.failed(partition.number(), e);
            }
            return 0;
        } catch (Error e) {
            // Without memory for what Redis has given already.
            partition.missed();
            throw e;
        }
        return begin(partition, taken);
    }

    /** The next that is well; {@code null} if none is. */
    private @Nullable Partition inTurn() {
        for (int i = 0; i < partitions.size(); i++) {
            turn = (turn + 1) % partitions.size();
            if (sick.isWell(turn)) {
                return partitions.get(turn);
            }
        }
        return null;
    }

    private long block() {
        long untilRound = (nextRound - System.nanoTime()) / 1_000_000;
        boolean isShort = partitions.size() > 1 || hasMore();
        return Math.max(1, Math.min(untilRound, isShort ? SHORT_BLOCK_MILLIS : BLOCK_MILLIS));
    }

    private int begin(Partition partition, List<RequestRun> runs) {
        int all = 0;
        try {
            for (RequestRun run : runs) {
                begin(run);
                all++;
            }
        } finally {
            if (all < runs.size()) {
                // The rest is this worker's and in nobody's hands.
                partition.missed();
            }
        }
        return all;
    }

    private void begin(RequestRun run) {
        boolean begun = false;
        try {
            worker.atWork().add(run);
            run.reserve();
            terminals.begin(run);
            begun = true;
        } finally {
            if (!begun) {
                run.leave();
            }
        }
    }

    /** Takes nothing any more, but for what Redis may be sending at this moment. */
    void stop() {
        stopped = true;
        thread.close();
    }

    /** Waits until it has ended, but no longer than that. */
    void join(long atMostMillis) throws InterruptedException {
        thread.join(atMostMillis);
    }
}
