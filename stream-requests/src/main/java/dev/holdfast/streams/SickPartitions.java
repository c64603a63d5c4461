package dev.holdfast.streams;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which of several partitions Redis takes no commands for, so that nobody waits there for what the others could do meanwhile; and a
 * thread, if there is need of one, that finds out when they are well again. For any number of threads.
 */
final class SickPartitions implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SickPartitions.class);
    private static final long LOOK_NANOS = 20_000_000;

    private final boolean clustered;
    private final IntFunction<Command> probe;
    private final Redis redis;
    private final List<Pause> pauses;
    private final SteadyThread looking;

    /** Looks over {@code redis} whether they are well: those where {@code probe} is done, which must change nothing. */
    SickPartitions(StreamsConfig config, String what, Redis redis, IntFunction<Command> probe) {
        this.clustered = config.clustered();
        this.probe = probe;
        this.redis = redis;
        this.pauses = IntStream.range(0, config.partitions())
                .mapToObj(number -> new Pause(LOG, what + ", partition " + number, null))
                .toList();
        this.looking = new SteadyThread("holdfast-requests-look", this::look, e -> LockSupport.parkNanos(LOOK_NANOS));
    }

    /** Whether a failure at a partition says nothing about the others. */
    boolean isOneOnly(RuntimeException e) {
        return pauses.size() > 1 && (clustered || Trouble.isRefusal(e));
    }

    void failed(int partition, RuntimeException e) {
        try {
            pauses.get(partition).failed(e);
        } finally {
            // It may be sick without memory to say why.
            looking.wake();
        }
    }

    boolean isWell(int partition) {
        return trouble(partition).isEmpty();
    }

    boolean areAllSick() {
        return pauses.stream().allMatch(Pause::isInTrouble);
    }

    /** What is wrong there. Who is told so leaves it alone, so the thread that looks must be there. */
    Optional<String> trouble(int partition) {
        Optional<String> trouble = pauses.get(partition).trouble();
        if (trouble.isPresent()) {
            looking.ensure();
        }
        return trouble.map(known -> "partition " + partition + ": " + known);
    }

    /** What is wrong with the first that is sick. */
    Optional<String> trouble() {
        return IntStream.range(0, pauses.size())
                .mapToObj(this::trouble)
                .flatMap(Optional::stream)
                .findFirst();
    }

    private void look() {
        if (pauses.stream().noneMatch(Pause::isInTrouble)) {
            // Until one is: who finds that out wakes this thread.
            LockSupport.park(this);
            return;
        }
        LockSupport.parkNanos(this, LOOK_NANOS);
        for (int i = 0; i < pauses.size(); i++) {
            Pause pause = pauses.get(i);
            if (pause.isInTrouble() && pause.remainingNanos() <= 0) {
                look(i, pause);
            }
        }
    }

    private void look(int partition, Pause pause) {
        try {
            var unused = redis.call(probe.apply(partition));
            pause.worked();
        } catch (RuntimeException e) {
            pause.failed(e);
        }
    }

    @Override
    public void close() {
        looking.close();
    }
}
