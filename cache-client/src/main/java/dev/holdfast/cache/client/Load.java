package dev.holdfast.cache.client;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One load, of one key or several: their flights, its place among the loads and its lease. All of them end with it. */
final class Load<K, V> extends UnderWay implements LoadRun.Owner {
    private final LoadRunner<K, V> runner;
    private final Loading<K, V> loading;
    private final List<LoadPart<K, V>> parts = new ArrayList<>(1);
    private volatile @Nullable LoadRun run;
    /** By which other clients leave this load to this one. */
    private volatile @Nullable LoadLease lease;
    /** Whether its time is over. */
    private volatile boolean expired;
    /** Whether a loader that runs under such a lease waits for it. */
    private volatile boolean neededByLeased;
    /** Whether it waits for an answer without a thread, whose arrival ends it. */
    private volatile boolean later;

    Load(LoadRunner<K, V> runner, Loading<K, V> loading) {
        this.runner = runner;
        this.loading = loading;
    }

    /** Begins the load of a key, in the place of a flight that can't be joined or of none; returns false if another was faster. */
    boolean claim(Request<K, V> request, @Nullable Flight<K, V> present) {
        Flights<K, V> flights = runner.flights();
        LoadPart<K, V> part = runner.part(flights.next(request.storeKey(), present), request);
        parts.add(part);
        if (!request.policy().storing()) {
            part.flight().storesNothing();
        }
        if (flights.start(part.flight(), present)) {
            return true;
        }
        parts.remove(parts.size() - 1);
        return false;
    }

    /** Takes over the load of a key whose runner has left it. */
    void adopt(Flight<K, V> flight, Request<K, V> request) {
        parts.add(runner.part(flight, request));
    }

    /** The part that was claimed last. */
    LoadPart<K, V> newest() {
        return parts.get(parts.size() - 1);
    }

    List<LoadPart<K, V>> parts() {
        return parts;
    }

    Loading<K, V> loading() {
        return loading;
    }

    LoadRun run() {
        return Objects.requireNonNull(run, "not begun");
    }

    void runBy(LoadRun newRun) {
        run = newRun;
    }

    /** It has this lease; {@code null}: none. */
    void under(@Nullable LoadLease held) {
        lease = held;
        if (held != null && expired) {
            held.releaseAside();
        }
    }

    /** Says whether it is begun for a loader that runs under a lease. */
    void neededByLeased(boolean needed) {
        neededByLeased = needed;
    }

    boolean isNeededByLeased() {
        return neededByLeased;
    }

    /** Runs its loader, or what begins it. */
    <T extends @Nullable Object, E extends Exception> T holding(LoadGate gate, MarkedThreads.Call<T, E> call) throws E {
        return lease == null && !neededByLeased
                ? gate.holding(call)
                : MarkedThreads.LEASED.holding(() -> gate.holding(call));
    }

    /** From now on what it waits for ends it, and not its thread. */
    void waitsForAnswer() {
        later = true;
    }

    @Override
    boolean goesOn() {
        return later;
    }

    /** The lease, by the policy of the callers that began it. */
    Duration lease() {
        return parts.get(0).request().policy().loadTimeout();
    }

    @Override
    public void expired() {
        expired = true;
        try {
            parts.forEach(LoadPart::expire);
        } finally {
            LoadLease held = lease;
            if (held != null) {
                held.releaseAside(); // the key is free, for others too
            }
        }
    }

    /** Hands its flights to a run; returns false if none needs it any more. */
    boolean isRunBy(LoadRun newRun) {
        boolean any = false;
        for (LoadPart<K, V> part : parts) {
            any |= part.flight().runBy(newRun);
        }
        return any;
    }

    /** Does something with each part that has no outcome yet. Throws nothing. */
    void forEachOpen(Consumer<LoadPart<K, V>> action) {
        for (LoadPart<K, V> part : parts) {
            if (part.isOpen()) {
                tryOn(part, action);
            }
        }
    }

    // Its outcome is decided, or whoever ends the load ends it; the others are none the worse.
    private static <K, V> void tryOn(LoadPart<K, V> part, Consumer<LoadPart<K, V>> action) {
        try {
            action.accept(part);
        } catch (Throwable e) {
            said("the end of a failed load went wrong; others are not harmed", e);
        }
    }

    /** Its keys as messages show them. */
    String shownKeys() {
        return parts.size() == 1 ? parts.get(0).request().shownKey() : parts.size() + " keys";
    }

    @Override
    public void neverBegan() {
        end(null);
    }

    @Override
    public boolean isAbandoned() {
        for (LoadPart<K, V> part : parts) {
            if (!part.flight().isOver()) {
                return false;
            }
        }
        return true;
    }

    /** Each part by itself, whatever the others throw. */
    @Override
    void ended(@Nullable Throwable cause) {
        try {
            LoadRun begun = run;
            if (begun != null) {
                runner.leave(begun);
            }
        } finally {
            parts.forEach(part -> tryOn(part, each -> each.ended(cause)));
            LoadLease held = lease;
            if (held != null) {
                held.release();
            }
        }
    }
}
