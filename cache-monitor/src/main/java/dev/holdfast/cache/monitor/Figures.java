package dev.holdfast.cache.monitor;

import dev.holdfast.cache.CacheHealth;
import dev.holdfast.cache.CacheStats;
import dev.holdfast.cache.TierHealth;
import java.util.Optional;
import java.util.SortedMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What the endpoints and the alerts are made of: the last look, and the time before it. For any number of threads. */
final class Figures {
    /** What {@code health} and the alerts look at. */
    static final long WINDOW = TimeUnit.SECONDS.toNanos(60);

    /** How long several share one look. */
    private static final long SHARED = TimeUnit.SECONDS.toNanos(1);

    private final Ledger ledger;
    private final History history = new History();
    private volatile @Nullable Now last;

    Figures(Ledger ledger) {
        this.ledger = ledger;
        remember();
    }

    /** A look and what went before. Immutable, but for what comes after. */
    static final class Now {
        private final Ledger.Look look;
        private final History history;
        private final Window lastMinute;

        Now(Ledger.Look look, History history) {
            this.look = look;
            this.history = history;
            this.lastMinute = between(history.before(look.sample(), WINDOW), look.sample());
        }

        Ledger.Look look() {
            return look;
        }

        History history() {
            return history;
        }

        /** The window that alerts look at, made once. */
        Window lastMinute() {
            return lastMinute;
        }

        CacheHealth health() {
            return look.health();
        }

        SortedMap<String, CacheStats> stats() {
            return look.stats();
        }

        Window window(long nanos) {
            return between(history.before(look.sample(), nanos), look.sample());
        }

        Window between(Sample from, Sample to) {
            return new Window(from, to, serving().map(TierHealth::name).orElse(null));
        }

        Optional<TierHealth> serving() {
            return health().tiers().stream().filter(TierHealth::serving).findFirst();
        }

        /** Whether a server is configured, whatever became of it. */
        boolean hasServers() {
            return health().tiers().stream().anyMatch(Now::isServer);
        }

        boolean serverServes() {
            return serving().map(Now::isServer).orElse(false);
        }

        /** The server that serves, else the first; {@code null} if none is configured. */
        @Nullable
        TierHealth server() {
            return serving()
                    .filter(Now::isServer)
                    .or(() -> health().tiers().stream().filter(Now::isServer).findFirst())
                    .orElse(null);
        }

        static boolean isServer(TierHealth tier) {
            return tier.store().distributed();
        }
    }

    /** What was seen within the last second, by a look of this thread only if nobody else has looked since. */
    Now now() {
        Now seen = shared();
        return seen == null ? lookUnlessShared() : seen;
    }

    private synchronized Now lookUnlessShared() {
        Now seen = shared();
        return seen == null ? look() : seen;
    }

    private @Nullable Now shared() {
        Now seen = last;
        return seen != null && ledger.nanos() - seen.look().sample().nanos() < SHARED ? seen : null;
    }

    /** Looks now. */
    synchronized Now look() {
        Now seen = new Now(ledger.look(), history);
        last = seen;
        return seen;
    }

    /** Looks now, and keeps that for later windows. */
    synchronized Now remember() {
        Now now = look();
        history.add(now.look().sample());
        return now;
    }
}
