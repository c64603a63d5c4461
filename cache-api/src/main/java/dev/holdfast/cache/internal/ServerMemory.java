package dev.holdfast.cache.internal;

import dev.holdfast.cache.MemoryUse;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How much memory a Redis or Valkey server takes of what it may take, for those who write stores: when {@code INFO memory} is due, and what
 * the answer says. It is due once in 30 seconds at most, and never again of a server that has refused it. What was said two minutes ago is
 * unknown again. Thread-safe.
 */
public final class ServerMemory {
    private static final long PERIOD = TimeUnit.SECONDS.toNanos(30);
    private static final long KEPT = 4 * PERIOD;

    private final LongSupplier nanoTime;
    private final AtomicLong askedAt;
    private volatile boolean refused;
    private volatile @Nullable Said said;

    /** What a server said, and when. */
    private record Said(long at, MemoryUse use) {}

    /** Creates one that knows nothing. */
    public ServerMemory() {
        this(System::nanoTime);
    }

    ServerMemory(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.askedAt = new AtomicLong(nanoTime.getAsLong() - PERIOD);
    }

    /** Says, to one of those who ask at a time, that the server is to be asked now. */
    public boolean isDue() {
        long now = nanoTime.getAsLong();
        long before = askedAt.get();
        return !refused && now - before >= PERIOD && askedAt.compareAndSet(before, now);
    }

    /** The server does not know the question, or this client's user may not ask it: it is not asked again. */
    public void refused() {
        refused = true;
    }

    /**
     * The server has answered.
     *
     * @param info the answer to {@code INFO memory}
     */
    public void answered(byte[] info) {
        String text = new String(info, StandardCharsets.ISO_8859_1);
        long max = number(text, "maxmemory");
        // What the server does not count either when it decides whether to evict: buffers of replicas and of its own
        // log.
        long used = number(text, "used_memory") - Math.max(0, number(text, "mem_not_counted_for_evict"));
        said = max > 0 && used >= 0 ? new Said(nanoTime.getAsLong(), new MemoryUse(used, max)) : null;
    }

    private static long number(String info, String field) {
        Matcher line = Pattern.compile("(?m)^" + field + ":([0-9]{1,18})\\s*$").matcher(info);
        return line.find() ? Long.parseLong(line.group(1)) : -1;
    }

    /** Returns what was last said; {@code null} if nothing was, the server has no bound, or it is too long ago. */
    public @Nullable MemoryUse use() {
        Said last = said;
        return last == null || nanoTime.getAsLong() - last.at > KEPT ? null : last.use;
    }
}
