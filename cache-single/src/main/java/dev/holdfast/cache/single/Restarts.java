package dev.holdfast.cache.single;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.ProbeResult;
import dev.holdfast.cache.internal.Backoff;
import dev.holdfast.cache.spi.PartialOutage;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The process that answers at the server's address: by the name that {@code INFO server} gives it ({@code run_id}, another after each
 * start), and for users who may not ask that by the numbers of their connections ({@code CLIENT ID}), which rise from one
 * connection to the next and begin anew with the process. One that was not met before may have older data than what was
 * acknowledged, even if no call and no probe failed meanwhile. Once a composite has asked for outages, no call is sent to a new process
 * before its canary was compared and the composite has settled what follows. Thread-safe.
 */
final class Restarts {
    private static final Logger LOG = LoggerFactory.getLogger(SingleStore.class);
    private static final String BY_NUMBER = "start ";
    private static final Pattern RUN_ID = Pattern.compile("(?m)^run_id:(\\p{XDigit}{8,64})\\s*$");

    /** A server that is started more often than this in a minute is no server, but several behind one address. */
    private static final int MOST_STARTS = 8;

    private static final long MINUTE = TimeUnit.MINUTES.toNanos(1);
    private static final long HOUR = TimeUnit.HOURS.toNanos(1);

    private final JedisErrors errors;
    private final Executor threads;
    private final Backoff comparisons = new Backoff(Duration.ofMillis(50), Duration.ofSeconds(1));
    private volatile Function<Canary.Told, ProbeResult> comparison = told -> ProbeResult.OK;
    private volatile Runnable whenNew = () -> {};

    /** Guarded by this, as what follows. */
    private @Nullable String present;

    private Seen seen = new Seen(0, 0, 0);
    private int startsLately;
    private long startsSince;
    private boolean several;
    private long severalSince;
    private boolean severalNews;
    private boolean compared;
    private boolean lost;
    private long events;
    private @Nullable PartialOutage told;

    private volatile boolean named = true;
    private volatile boolean unsettled;
    /** Whether there is somebody who asks, so that it is worth to wait for. */
    private volatile boolean heard;

    /**
     * Creates one that has met nobody.
     *
     * @param threads where canaries are compared
     */
    Restarts(JedisErrors errors, Executor threads) {
        this.errors = errors;
        this.threads = threads;
    }

    /**
     * Sets what a new process leads to.
     *
     * @param comparison compares a canary: blocks for a bounded time and tells what came of it, or throws
     * @param whenNew run when another process than before was met, before anything is sent to it
     */
    void compareBy(Function<Canary.Told, ProbeResult> comparison, Runnable whenNew) {
        this.comparison = comparison;
        this.whenNew = whenNew;
    }

    /**
     * What was known at some time.
     *
     * @param processes how many were met
     * @param starts how often the numbers of connections had begun anew
     * @param highest number since then; 0 if none is known
     */
    record Seen(int processes, int starts, long highest) {}

    /** To be asked when an attempt to connect begins. */
    synchronized Seen seen() {
        return seen;
    }

    /** Whether the server has not refused yet to say what it is called: a refusal is noted there as a breach. */
    boolean mayAskForNames() {
        return named;
    }

    /**
     * A connection was opened, and is about to be used.
     *
     * @param number the answer to {@code CLIENT ID}
     * @param info the answer to {@code INFO server}; {@code null} if it was not asked for
     * @param before what was known when the attempt began
     * @return the name of the process that it leads to; {@code null} if neither answer says anything
     */
    @Nullable
    String met(@Nullable Object number, @Nullable Object info, Seen before) {
        String name = null;
        if (info instanceof byte[] text) {
            Matcher line = RUN_ID.matcher(new String(text, StandardCharsets.ISO_8859_1));
            name = line.find() ? line.group(1) : null;
        } else if (errors.isNotAllowed(info)) {
            forgetNames();
        }
        if (!named && number instanceof Long known && known > 0) {
            name = byNumber(known, before);
        }
        if (name != null && isNew(name, before)) {
            whenNew.run();
            if (holds()) {
                compare();
            }
        } else if (takeNews()) {
            whenNew.run();
        }
        return name;
    }

    /** Whether it has turned out since this was last asked that several servers answer: as good as a new process to whoever relies on one. */
    private synchronized boolean takeNews() {
        boolean news = severalNews;
        severalNews = false;
        return news;
    }

    /** Whether connections lead to several servers, as far as is known. */
    synchronized boolean areSeveralNow() {
        return several;
    }

    /** Whether a name is the process's own. One by number may be that of two: a new process on which others connected first begins where nobody sees it. */
    static boolean isRunId(String process) {
        return !process.startsWith(BY_NUMBER);
    }

    /** Goes on with numbers, which say nothing of the process that had a name. */
    private synchronized void forgetNames() {
        if (named) {
            named = false;
            present = null;
        }
    }

    private synchronized String byNumber(long number, Seen before) {
        boolean anew = number < before.highest && seen.starts == before.starts;
        seen = anew
                ? new Seen(seen.processes, seen.starts + 1, number)
                : new Seen(seen.processes, seen.starts, Math.max(number, seen.highest));
        return BY_NUMBER + seen.starts;
    }

    private synchronized boolean isNew(String process, Seen before) {
        // Of an attempt that began before the present process was met nobody can tell which of the two is the newer
        // one.
        boolean late = present != null && before.processes != seen.processes;
        if (process.equals(present) || late || areSeveral()) {
            return false;
        }
        boolean first = present == null;
        present = process;
        seen = new Seen(seen.processes + 1, seen.starts, seen.highest);
        if (first) {
            return false;
        }
        if (heard) {
            compared = false;
            happened();
        }
        return true;
    }

    /** Counts another start; whether there are too many of them to be starts. For an hour then. */
    private boolean areSeveral() {
        long now = System.nanoTime();
        if (several && now - severalSince < HOUR) {
            return true;
        }
        several = false;
        if (startsLately == 0 || now - startsSince >= MINUTE) {
            startsLately = 0;
            startsSince = now;
        }
        startsLately++;
        if (startsLately > MOST_STARTS) {
            several = true;
            severalNews = true;
            severalSince = now;
            startsLately = 0;
            LOG.warn(errors.severalServers());
        }
        return several;
    }

    private void happened() {
        events++;
        told = null;
        unsettled = true;
    }

    private void compare() {
        if (!comparisons.tryBegin(System.nanoTime())) {
            return;
        }
        boolean begun = false;
        try {
            threads.execute(this::compareNow);
            begun = true;
        } catch (RejectedExecutionException | OutOfMemoryError e) {
            LOG.debug("no thread to compare a canary on", e);
        } finally {
            if (!begun) {
                comparisons.failed(System.nanoTime());
            }
        }
    }

    private void compareNow() {
        boolean answered = false;
        try {
            ProbeResult unused = tell(comparison);
            answered = true;
        } catch (RuntimeException e) {
            LOG.debug("a canary could not be compared", e);
        } finally {
            if (answered) {
                comparisons.succeeded();
            } else {
                comparisons.failed(System.nanoTime());
            }
        }
    }

    /**
     * Sends a probe, and takes in what came of it.
     *
     * @return its result; if somebody asks for outages, that the server went back is said there and not here
     */
    ProbeResult tell(Function<Canary.Told, ProbeResult> probe) {
        boolean asked = heard;
        ProbeResult result = probe.apply((process, answer) -> compared(process, asked && answer.wentBack()));
        return asked ? new ProbeResult(result.writable(), false, result.followsAll()) : result;
    }

    /** Whether a connection to this process leads to the one that was met last, as far as is known. */
    synchronized boolean isPresent(@Nullable String process) {
        return process == null || several || process.equals(present);
    }

    /** Whether calls have to be kept from a process whose forgotten changes nobody has made up for. */
    boolean holds() {
        return unsettled && heard;
    }

    /** What a call is told that is kept from it. Has its canary compared, unless that is under way. */
    CacheUnavailableException refused() {
        boolean uncompared = isUncompared();
        if (uncompared) {
            compare();
        }
        return errors.restarted(uncompared);
    }

    private synchronized boolean isUncompared() {
        return unsettled && !compared;
    }

    /**
     * A canary was compared.
     *
     * @param process whose
     * @param wentBack whether it shows that acknowledged changes are lost, and nobody else is told so
     */
    synchronized void compared(@Nullable String process, boolean wentBack) {
        compared |= isPresent(process);
        if (wentBack) {
            lost = true;
            happened();
        }
    }

    /** What is to be settled; {@code null} if nothing is, or is not known yet. Whoever asks is waited for from now on. */
    @Nullable
    PartialOutage ask() {
        heard = true;
        return unsettled ? toSettle() : null;
    }

    private synchronized @Nullable PartialOutage toSettle() {
        if (compared && told == null) {
            long known = events;
            told = new PartialOutage(PartialOutage.EVERY_KEY, lost, () -> settle(known));
        }
        return compared ? told : null;
    }

    /** If something happened since, it is settled with that. */
    private synchronized void settle(long known) {
        if (known == events) {
            lost = false;
            told = null;
            unsettled = false;
        }
    }
}
