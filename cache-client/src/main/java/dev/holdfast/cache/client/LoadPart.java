package dev.holdfast.cache.client;

import dev.holdfast.cache.CacheCodecException;
import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CachePolicy;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What a load has to do with one key. For the thread that has the load in hand. */
final class LoadPart<K, V> {
    private final EngineParts<K, V> cache;
    private final LoadedValues<K, V> loaded;
    private final Flight<K, V> flight;
    private Request<K, V> request;
    private @Nullable LoadDecisions<V> decisions;
    private @Nullable V value;
    private Entries.@Nullable Encoded encoded;
    /** What its caller is told, if that is the one whose thread loads. */
    private @Nullable Outcome<V> outcome;
    /** Whether the flight was put away or is in other hands. */
    private boolean over;

    LoadPart(EngineParts<K, V> cache, LoadedValues<K, V> loaded, Flight<K, V> flight, Request<K, V> request) {
        this.cache = cache;
        this.loaded = loaded;
        this.flight = flight;
        this.request = request;
    }

    Flight<K, V> flight() {
        return flight;
    }

    Request<K, V> request() {
        return request;
    }

    LoadDecisions<V> decisions() {
        return Objects.requireNonNull(decisions, "not begun");
    }

    @Nullable
    V value() {
        return value;
    }

    void value(@Nullable V found) {
        value = found;
    }

    /** Its entry, absence included; {@code null} if nothing is to be stored. */
    Entries.@Nullable Encoded encoded() {
        return encoded;
    }

    @Nullable
    Outcome<V> outcome() {
        return outcome;
    }

    void overdue() {
        outcome = Outcome.overdue();
    }

    boolean isOver() {
        return over;
    }

    void over() {
        over = true;
    }

    /** Whether a key must be loaded: its lease lasts, and no load of it has ended between the caller's look at the store and its flight. */
    boolean isWanted(LoadRun run) {
        if (!flight.runBy(run)) {
            overdue();
            return false;
        }
        if (cache.flights().stamp(request.storeKey()) == request.stamp()) {
            begin(request);
            return true;
        }
        Found<V> now = loaded.look(request.storeKey());
        if (!request.refresh() && !flight.isRefresh() && now.isAnswer() && isAnsweredBy(now)) {
            return false;
        }
        begin(now, true);
        return true;
    }

    /** Tells everyone what another load has stored, unless somebody asked for a refresh: then the load must go on. Returns whether it did. */
    boolean isAnsweredBy(Found<V> now) {
        Outcome<V> found = new Outcome.Loaded<>(now.fresh());
        if (!flight.endedUnloaded(found)) {
            return false;
        }
        cache.counters().joins.increment();
        put(found);
        return true;
    }

    /** Begins the load after another look: a loader must not find a last value "not modified" that was removed after its caller had seen it. */
    void begin(Found<V> now, boolean freshToo) {
        begin(request.withLook(request.last() == null ? null : now.last(freshToo), now.entry()));
    }

    private void begin(Request<K, V> upToDate) {
        request = upToDate;
        decisions = new LoadDecisions<>(cache.entries(), cache.counters(), upToDate);
    }

    /** Its loader has answered. */
    void answered() {
        encoded = encode();
        cache.counters().loads.increment();
        cache.pauses().end(request.storeKey());
    }

    private Entries.@Nullable Encoded encode() {
        LoadDecisions<V> decided = decisions();
        CachePolicy policy = request.policy();
        String storeKey = request.storeKey();
        Entries<V> entries = cache.entries();
        try {
            if (!decided.isCached()) {
                return null;
            }
            if (value != null) {
                Lifetime lifetime = entries.lifetime(policy, decided.ttlOr(policy.ttl()));
                return entries.encode(storeKey, value, lifetime, decided.begin(), decided.etag(), decided.tags());
            }
            return policy.rememberAbsence().isZero()
                    ? null
                    : entries.encodeAbsence(storeKey, policy.rememberAbsence(), decided.begin(), decided.tags());
        } catch (CacheException e) {
            cache.counters().writeFailed("encode", e);
        } catch (Throwable e) {
            String type = e.getClass().getName();
            cache.counters().writeFailed("encode", new CacheCodecException("a codec failed: " + type, e));
        }
        return null;
    }

    /** Tells what was loaded to whoever is told before it is stored. */
    void tell() {
        Outcome<V> found = new Outcome.Loaded<>(value);
        outcome = found;
        flight.loaded(found);
    }

    /** Tells what was loaded to whoever was not told yet. */
    void tellAll() {
        flight.ended(new Outcome.Loaded<>(value));
    }

    /** Whether it has no outcome yet, and is in this load's hands. */
    boolean isOpen() {
        return outcome == null && !over;
    }

    void failed(Throwable cause) {
        try {
            cache.counters().loadFailed(request.storeKey(), cause);
            cache.pauses().begin(request, flight);
        } finally {
            put(new Outcome.Failed<>(cause));
        }
    }

    /** The load has ended and this part of it may not have: nobody must wait for it any longer. Once told, it takes no memory to end it. */
    void ended(@Nullable Throwable cause) {
        if (over) {
            return;
        }
        Outcome<V> told = outcome;
        try {
            if (told == null && cause != null) {
                failed(cause);
            }
        } finally {
            if (!over) {
                put(told == null ? Outcome.overdue() : told);
            }
        }
    }

    /** Tells everyone and puts the flight away, with nothing to store. */
    void put(Outcome<V> told) {
        outcome = told;
        try {
            flight.ended(told);
        } finally {
            loaded.done(this);
        }
    }

    /** The lease ran out. */
    void expire() {
        if (flight.expire(Outcome.overdue())) {
            cache.counters().leaseExpired(request.storeKey());
            cache.pauses().begin(request, flight);
        }
    }
}
