package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheInterruptedException;
import dev.holdfast.cache.spi.CacheStore;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Has one client at a time load a key, of all that share a store. Never needed for what is right: without its lease a load is only done twice. */
final class LoadLocks<V> {
    private static final int TOKEN_BYTES = 16;
    private static final long FIRST_PAUSE_MILLIS = 4;
    private static final long LONGEST_PAUSE_MILLIS = 100;

    /** Whoever waits for so many one after the other, and finds no answer, loads like the others that do: nothing may come of it that is stored. */
    private static final int MOST_HOLDERS = 2;

    private final CacheStore store;
    /** Makes the key of a lease from that of an entry. */
    private final UnaryOperator<String> keys;

    private final Reads<V> reads;
    private final EngineServices services;

    LoadLocks(EngineParts<?, V> cache) {
        this.store = cache.store();
        this.keys = cache.keys()::ofLoad;
        this.reads = cache.reads();
        this.services = cache.services();
    }

    /**
     * Waits for this client's turn to load a key that one client at a time is to load. Returns whether another has loaded it: then its callers were told. A
     * refresh that was asked for wants what the source has from now on, whatever another has begun to load. A load that one waits for which has a lease waits for none: whoever has it
     * might wait for that lease.
     */
    <K> boolean isLoadedElsewhere(Load<K, V> load, LoadPart<K, V> part) throws Exception {
        Request<K, V> request = part.request();
        boolean shared = !store.callBound().isZero();
        if (request.policy().loadLock().isZero() || part.flight().isRefresh() || load.isNeededByLeased() || !shared) {
            return false;
        }
        load.run().awaitPlace();
        Turn<V> turn = await(request, part.flight()::isNeededByLeased);
        load.under(turn.lease());
        Found<V> now = turn.now();
        if (now == null) {
            return false;
        }
        if (turn.answered() && part.isAnsweredBy(now)) {
            return true;
        }
        part.begin(now, request.refresh());
        return false;
    }

    /**
     * What came of waiting for a lease.
     *
     * @param lease it, which this client has now; {@code null} if it has none: another client has answered, or the store can't be asked
     * @param now what stood under the key after that; {@code null} if the store can't be asked
     * @param answered whether that is an answer, so that nothing need be loaded
     */
    private record Turn<V>(
            @Nullable LoadLease lease, @Nullable Found<V> now, boolean answered) {}

    /**
     * Waits until it is this client's turn to load a key, or another client has loaded it. An interrupt ends it.
     *
     * @param inNeed whether somebody who has a lease waits for this load: then it waits for none
     */
    private Turn<V> await(Request<?, V> request, BooleanSupplier inNeed) throws InterruptedException {
        String leaseKey = keys.apply(request.storeKey());
        byte[] token = token();
        Attempt attempt = new Attempt(
                leaseKey,
                token,
                new LoadLease(store, leaseKey, token, request.policy().loadLock(), services));
        try {
            return await(request, attempt, inNeed);
        } catch (CacheInterruptedException e) {
            throw e;
        } catch (CacheException | IllegalStateException e) {
            return new Turn<>(attempt.mine ? attempt.kept() : null, null, false);
        } finally {
            attempt.end();
        }
    }

    private Turn<V> await(Request<?, V> request, Attempt attempt, BooleanSupplier inNeed) throws InterruptedException {
        String storeKey = request.storeKey();
        long pause = FIRST_PAUSE_MILLIS;
        if (!store.isServing()) {
            return new Turn<>(null, null, false);
        }
        attempt.take();
        while (true) {
            long trusted = reads.trustedUntil();
            Map<String, byte[]> there = store.getAll(List.of(storeKey, attempt.key));
            byte[] holder = there.get(attempt.key);
            // Also if the answer to the taking was lost, and it was said to be another's when it was sent once more.
            attempt.found(holder);
            Found<V> now = reads.foundUncounted(storeKey, there.get(storeKey), trusted);
            if (isAnswer(now, request)) {
                return new Turn<>(null, now, true);
            }
            if (attempt.mine || inNeed.getAsBoolean() || attempt.holders(holder) > MOST_HOLDERS) {
                return new Turn<>(attempt.mine ? attempt.kept() : null, now, false);
            }
            if (holder == null) {
                attempt.take();
            }
            if (!attempt.mine) {
                // Also if nobody seems to have it: a replica that is behind says so for as long as it is.
                Thread.sleep(pause + ThreadLocalRandom.current().nextLong(pause));
                pause = Math.min(LONGEST_PAUSE_MILLIS, 2 * pause);
            }
        }
    }

    /** What is tried to get a lease. Whatever ends it, the lease is in other hands then, or is given back if it may have been got. */
    private static final class Attempt {
        private final String key;
        private final byte[] token;
        private final LoadLease lease;
        /** Whether the store may have it. */
        private boolean sent;

        private boolean mine;
        private boolean handedOn;
        private byte @Nullable [] lastHolder;
        private int holders;

        Attempt(String key, byte[] token, LoadLease lease) {
            this.key = key;
            this.token = token;
            this.lease = lease;
        }

        void take() {
            boolean before = sent;
            sent = true;
            mine = lease.take();
            sent = mine || before;
        }

        void found(byte @Nullable [] holder) {
            mine |= Arrays.equals(holder, token);
            sent |= mine;
        }

        /** How many others had it so far, this one included. */
        int holders(byte @Nullable [] holder) {
            if (holder != null && !Arrays.equals(holder, lastHolder)) {
                lastHolder = holder;
                holders++;
            }
            return holders;
        }

        LoadLease kept() {
            lease.keep();
            handedOn = true;
            return lease;
        }

        void end() {
            if (sent && !handedOn) {
                lease.releaseAside();
            }
        }
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
