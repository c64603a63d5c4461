package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.CacheStore;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Has one client at a time load a key, of all that share a store. Never needed for what is right: without its lease a load is only done twice. */
final class LoadLocks<V> {
    private static final int TOKEN_BYTES = 16;
    private static final long FIRST_PAUSE_MILLIS = 4;
    private static final long LONGEST_PAUSE_MILLIS = 100;

    private final CacheStore store;
    private final UnaryOperator<String> keys;
    private final Reads<V> reads;
    private final EngineServices services;

    /** {@code keys}: makes the key of a lease from that of an entry. */
    LoadLocks(CacheStore store, UnaryOperator<String> keys, Reads<V> reads, EngineServices services) {
        this.store = store;
        this.keys = keys;
        this.reads = reads;
        this.services = services;
    }

    /**
     * What came of waiting for a lease.
     *
     * @param lease it, which this client has now; {@code null} if it has none: another client has answered, or the store can't be asked
     * @param now what stood under the key after that; {@code null} if the store can't be asked
     * @param answered whether that is an answer, so that nothing need be loaded
     */
    record Turn<V>(@Nullable LoadLease lease, @Nullable Found<V> now, boolean answered) {}

    /** Waits until it is this client's turn to load a key, or another client has loaded it. An interrupt ends it. */
    Turn<V> await(Request<?, V> request) throws InterruptedException {
        String storeKey = request.storeKey();
        String leaseKey = keys.apply(storeKey);
        Duration span = request.policy().loadLock();
        byte[] token = token();
        long pause = FIRST_PAUSE_MILLIS;
        try {
            boolean mine = take(leaseKey, token, span);
            while (true) {
                Map<String, byte[]> there = store.getAll(List.of(storeKey, leaseKey));
                byte[] holder = there.get(leaseKey);
                // Also if the answer to the taking was lost, and it was said to be another's when it was sent once
                // more.
                mine |= Arrays.equals(holder, token);
                Found<V> now = reads.foundUncounted(storeKey, there.get(storeKey));
                boolean answered = isAnswer(now, request);
                if (mine || answered) {
                    return turn(mine ? new LoadLease(store, leaseKey, token, span, services) : null, now, answered);
                }
                if (holder == null) {
                    mine = take(leaseKey, token, span);
                } else {
                    Thread.sleep(pause + ThreadLocalRandom.current().nextLong(pause));
                    pause = Math.min(LONGEST_PAUSE_MILLIS, 2 * pause);
                }
            }
        } catch (CacheInterruptedException e) {
            throw e;
        } catch (CacheException e) {
            return new Turn<>(null, null, false);
        }
    }

    private Turn<V> turn(@Nullable LoadLease lease, Found<V> now, boolean answered) {
        if (lease != null && answered) {
            lease.release();
        } else if (lease != null) {
            lease.keep();
        }
        return new Turn<>(answered ? null : lease, now, answered);
    }

    /** Not as a change, which a server that is out would have to hear of. */
    private boolean take(String leaseKey, byte[] token, Duration span) {
        return store.isServing() && store.fill(leaseKey, null, token, span);
    }

    /** Whether another has loaded what a caller asks for; to one who refreshes ahead, what he saw himself is no answer. */
    private boolean isAnswer(Found<V> now, Request<?, V> request) {
        return now.isAnswer() && !(request.refresh() && Arrays.equals(now.entry(), request.seen()));
    }

    private static byte[] token() {
        byte[] token = new byte[TOKEN_BYTES];
        ThreadLocalRandom random = ThreadLocalRandom.current();
        ByteBuffer.wrap(token).putLong(random.nextLong()).putLong(random.nextLong());
        return token;
    }
}
