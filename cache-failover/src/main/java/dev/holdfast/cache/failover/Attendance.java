package dev.holdfast.cache.failover;

import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.spi.Beat;
import dev.holdfast.cache.spi.Roll;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * This client's place on the roll of those that share the first server: when it says how it stands, what it says, and what follows from the
 * answers for its {@link Agreements}. One who never changed anything there and whose caches have no limit has nothing to say. Pure; guarded by the
 * owner of its {@link FailoverState}.
 */
final class Attendance {
    /** Who was silent for so long is struck off. */
    static final Duration FORGET = Duration.ofSeconds(30);

    /** One whose caches have no limit says so often that it is there. */
    static final long LEISURELY = TimeUnit.SECONDS.toNanos(10);

    /** Who was refused and has been on the roll asks again after so long: it is struck off soon. */
    private static final long REFUSED_MEMBER = TimeUnit.SECONDS.toNanos(10);

    /** One whose caches have no limit, and that has not been called for so long, leaves the roll. */
    static final long IDLE = TimeUnit.MINUTES.toNanos(1);

    /** So many beats fit into a cache's limit. */
    static final int BEATS = 5;

    private static final String RIGHTS =
            "a user of Redis needs ~#roll:* after the key prefix, and +eval +evalsha +time +zadd +zrem +zscore +zrange +zrevrange +zrangebyscore +hset +hdel +hgetall"
                    + " +pexpire: ";

    private static final long PAUSE = TimeUnit.MILLISECONDS.toNanos(250);
    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
    /** A beat of which nothing was heard for so long is given up. */
    private static final long OVERDUE = 10 * SECOND;
    /** Who was refused asks again after so long. */
    private static final long REFUSED = TimeUnit.MINUTES.toNanos(5);

    private final String member;
    private final Agreements agreements;
    private final RandomGenerator random;

    private boolean clean = true;
    private long cleanSince;
    private boolean away;
    private boolean wasAway;

    private boolean saying;
    private int number;
    private long saidAt;
    private long nextAt;
    private boolean unheardOf;
    private @Nullable Duration limitBefore;
    private boolean enrolled;

    private long serverMillis = -1;
    private long serverMillisAt;
    private long pace = -1;
    private long version;
    private final Map<String, Long> pending = new HashMap<>();
    private final List<Offer> offers = new ArrayList<>();
    private @Nullable String refusal;

    Attendance(String member, Agreements agreements, RandomGenerator random) {
        this.member = member;
        this.agreements = agreements;
        this.random = random;
    }

    /** One with chance of its own: the histories of the model test stay what they are. */
    static Attendance of(String member, Agreements agreements) {
        return new Attendance(member, agreements, new SplittableRandom(member.hashCode()));
    }

    /** What this client is called there. */
    String member() {
        return member;
    }

    /** What this client's caches may believe. */
    Agreements agreements() {
        return agreements;
    }

    /** A floor that is about to be said, and for which somebody waits who was told nothing yet. */
    static final class Offer {
        private final String name;
        private final long floor;
        private final CountDownLatch end = new CountDownLatch(1);

        private Offer(String name, long floor) {
            this.name = name;
            this.floor = floor;
        }

        long floor() {
            return floor;
        }

        /**
         * Waits until the server has it, or nobody knows when it will.
         *
         * @return false if the time is over before
         */
        boolean await(long nanos) throws InterruptedException {
            return end.await(nanos, TimeUnit.NANOSECONDS);
        }
    }

    /**
     * Has everything of a cache absent that was made so far: here at once, elsewhere as soon as it is heard of.
     *
     * @param before what {@link Agreements#floorOver} said when that was wanted
     * @param serves whether the server serves calls
     * @return {@code null}, with nothing done, if others could not be told
     */
    @Nullable
    Offer clear(String prefix, long before, boolean serves) {
        if (serverMillis < 0 || unheardOf || refusal != null) {
            return null;
        }
        Offer offer = new Offer(prefix, agreements.clear(prefix, before));
        offers.add(offer);
        if (!serves) {
            owe(offer);
        }
        return offer;
    }

    /**
     * Has what a tier has missed of a cache absent instead of removed there.
     *
     * @return {@code null}, with nothing done, if that will not do for all that share it
     */
    @Nullable
    Offer clearMissed(String prefix) {
        return agreements.isLimited(prefix) ? clear(prefix, agreements.floorOver(prefix), false) : null;
    }

    /** Nobody waits for it any more, and it is yet to be said: until then this client is behind. */
    void owe(Offer offer) {
        if (offers.remove(offer)) {
            pending.merge(offer.name, offer.floor, Math::max);
            offer.end.countDown();
        }
    }

    /** Nobody waits for any floor any more, and all are yet to be said. */
    void oweAll() {
        List.copyOf(offers).forEach(this::owe);
    }

    /**
     * Takes in how this client stands towards the server.
     *
     * @param serves whether the server serves calls
     * @param lacks whether it lacks something of this client's, or may
     */
    void stands(boolean serves, boolean lacks, long now) {
        if (!serves) {
            oweAll();
        }
        agreements.awaits(serves && serverMillis < 0 && !unheardOf && refusal == null);
        boolean isClean = serves && !lacks && pending.isEmpty();
        if (!isClean) {
            agreements.distrust();
            // Others learn of it at once, if they can be reached: this client may not live to say it later.
            nextAt = clean && enrolled ? soon(now) : nextAt;
        } else if (!clean) {
            cleanSince = now;
            nextAt = soon(now);
        }
        clean = isClean;
        away = !serves;
        wasAway |= away;
    }

    /** Who becomes clean and behind by turns says so a few times a second at most. */
    private long soon(long now) {
        return Math.max(now, saidAt + PAUSE);
    }

    /** Why nothing can be said; {@code null} if it can, or if the server has no roll and no cache needs one. */
    @Nullable
    String problem() {
        boolean none = unheardOf && agreements.shortest() != null;
        return none ? "the first tier has no place for that" : refusal;
    }

    /** What is said, with the number by which its end is told. */
    record Saying(int number, Beat beat, Duration timeout) {}

    /**
     * What is to be said now.
     *
     * @param reachable whether the server answers this client, be it that it is on its way back
     * @param idle whether nobody calls, and nothing was changed since this client left, if it did
     * @return {@code null} if nothing is
     */
    @Nullable
    Saying due(boolean reachable, boolean idle, long now) {
        if (saying && now - saidAt >= OVERDUE) {
            saying = false;
            wasAway = true; // what was said of that may be lost
        }
        Duration limit = agreements.shortest();
        if (!Objects.equals(limit, limitBefore)) {
            limitBefore = limit;
            nextAt = now;
        }
        boolean leaves = limit == null && idle && pending.isEmpty();
        boolean soon = offers.isEmpty() && now - nextAt < 0;
        if (!reachable || saying || unheardOf || soon || (leaves && !(enrolled && clean))) {
            return null;
        }
        long period = period(limit);
        nextAt = now + period - random.nextLong(period / 10 + 1);
        return say(leaves ? Beat.Standing.LEAVING : standing(), limit, now);
    }

    private Beat.Standing standing() {
        return clean ? Beat.Standing.CLEAN : Beat.Standing.BEHIND;
    }

    /** Whether something was said that is not answered yet. */
    boolean isSaying() {
        return saying;
    }

    /** Says that this client goes, which has entered all that it changed elsewhere; what it has yet to say it says with that. */
    @Nullable
    Saying leave(long now) {
        return enrolled && !unheardOf ? say(Beat.Standing.LEAVING, null, now) : null;
    }

    private Saying say(Beat.Standing standing, @Nullable Duration limit, long now) {
        saying = true;
        saidAt = now;
        number++;
        long sent = serverMillis < 0 ? -1 : serverMillis + TimeUnit.NANOSECONDS.toMillis(now - serverMillisAt);
        Duration period = limit == null ? Duration.ZERO : Duration.ofNanos(wanted(limit));
        Map<String, Long> floors = new HashMap<>(pending);
        offers.forEach(offer -> floors.merge(offer.name, offer.floor, Math::max));
        Beat beat = new Beat(member, standing, sent, serverMillis, period, FORGET, wasAway, floors, version);
        if (!away) {
            wasAway = false;
        }
        return new Saying(number, beat, Duration.ofNanos(SECOND));
    }

    /** How often one that has a limit has to hear of others, in nanoseconds. */
    private static long wanted(Duration limit) {
        return Math.min(LEISURELY, Math.max(SECOND, limit.toNanos() / BEATS));
    }

    /** How often this client says how it stands: as often as it, or some other, has to hear of others. */
    private long period(@Nullable Duration limit) {
        long own = limit == null ? LEISURELY : wanted(limit);
        return pace > 0 ? Math.max(SECOND, Math.min(own, pace)) : own;
    }

    /**
     * What was said was answered; {@code null} if the server has no roll.
     *
     * @return whether what this process has made so far is older than it says
     */
    boolean answered(Saying said, @Nullable Roll roll, long now) {
        if (said.number() != number || !saying) {
            return false;
        }
        saying = false;
        refusal = null;
        if (roll == null) {
            unheardOf = true;
            oweAll();
            return false;
        }
        boolean first = serverMillis < 0;
        serverMillis = roll.serverMillis();
        serverMillisAt = now;
        pace = TimeUnit.MILLISECONDS.toNanos(roll.paceMillis());
        enrolled = said.beat().standing() != Beat.Standing.LEAVING;
        boolean older = agreements.serverSaid(roll.serverMillis(), now - saidAt);
        learn(said.beat(), roll);
        if (first || !enrolled) {
            nextAt = now; // until then this client counts as missing; who has left comes back with its next change
        }
        Duration limit = agreements.shortest();
        if (limit != null) {
            believe(roll, wanted(limit), now);
            if (!limit.equals(agreements.shortest())) {
                agreements.distrust(); // a cache was opened meanwhile
            }
        }
        return older;
    }

    private void believe(Roll roll, long wanted, long now) {
        boolean allClean = TimeUnit.MILLISECONDS.toNanos(roll.oldestMillis()) <= wanted * 5 / 2;
        if (clean && saidAt - cleanSince >= 0 && allClean) {
            agreements.trust(now - saidAt, 2 * wanted);
        } else {
            agreements.distrust();
        }
    }

    private void learn(Beat beat, Roll roll) {
        beat.floors().forEach((name, floor) -> {
            pending.remove(name, floor);
            offers.removeIf(offer -> {
                boolean told = offer.name.equals(name) && offer.floor <= floor;
                if (told) {
                    offer.end.countDown();
                }
                return told;
            });
        });
        agreements.raise(roll.floors());
        if (roll.version() != version) {
            // All that the server has. It may have lost some, and others may have been raised there since.
            agreements.lackedBy(roll.floors()).forEach(this::sayAgain);
        }
        version = roll.version();
    }

    private void sayAgain(String name, long floor) {
        if (offers.stream().noneMatch(offer -> offer.name.equals(name))) { // that is about to be said anyway
            pending.merge(name, floor, Math::max);
        }
    }

    /**
     * What was said was not answered.
     *
     * @return whether it was refused, and what was said before was not
     */
    boolean failed(Saying said, Throwable failure, long now) {
        if (said.number() != number || !saying) {
            return false;
        }
        saying = false;
        oweAll();
        wasAway |= said.beat().wasAway();
        if (!(failure instanceof CacheRejectedException)) {
            return false;
        }
        boolean first = refusal == null;
        refusal = RIGHTS + failure.getMessage();
        nextAt = now + (enrolled ? REFUSED_MEMBER : REFUSED);
        return first;
    }
}
