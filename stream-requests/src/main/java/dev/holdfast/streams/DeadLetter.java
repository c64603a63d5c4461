package dev.holdfast.streams;

import java.time.Duration;
import java.util.Arrays;

/**
 * What is kept of a request that was given up: enough to find out why, and little, since there may be many and Redis' memory is for the living.
 * {@code bytes} says how long the payload was.
 */
final class DeadLetter {
    private static final int MOST = 1_000;
    /** What is kept of a payload. */
    static final int MOST_BYTES = 4_096;

    private static final Duration AGE = Duration.ofDays(7);

    private DeadLetter() {}

    /** The command that keeps it; {@code bytes} is how long the payload is, of which the entry may have the beginning only. */
    static Command of(Partition partition, StreamReply.Entry entry, long bytes, int deliveries, String reason) {
        byte[] payload = entry.fields().getOrDefault("p", new byte[0]);
        return Script.BURY.on(
                partition.dead(),
                MOST,
                AGE.toMillis(),
                "reason",
                reason,
                "deliveries",
                deliveries,
                "first",
                entry.id(),
                "id",
                entry.fields().getOrDefault("i", new byte[0]),
                "bytes",
                bytes,
                "payload",
                payload.length > MOST_BYTES ? Arrays.copyOf(payload, MOST_BYTES) : payload);
    }
}
