package dev.holdfast.cache.single;

import dev.holdfast.cache.internal.DeadlineWatch;
import dev.holdfast.cache.internal.LoneCalls;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import redis.clients.jedis.Protocol.Command;

/**
 * A connection, and the calls that were sent on it in the order in which their replies come. One thread at a time writes,
 * one reads; they are callers who do it for the others too. Whenever it is in doubt which reply belongs to which call,
 * all that are under way fail, and the connection is not used again.
 */
final class Pipeline {
    /** How much longer than its reader's limit a reply may take that has begun; then the connection is lost. */
    private static final long GRACE_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** How many replies a reader that has its own stays for. */
    private static final int MOST_FOR_OTHERS = 256;

    /** A connection that always has something under way is marked so often: a reply too many is seen where nothing is. */
    private static final long MARK_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /** How long a connection may at least be without a byte while a call waits, before the server is asked. */
    private static final long SILENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** What a request may take on its way besides: as over a line of 1 MB a second. */
    private static final long NANOS_PER_BYTE = 1_000;

    /** After how long without use it has to prove itself: whoever forgets idle connections does it later than this. */
    private static final long DOUBT_NANOS = TimeUnit.SECONDS.toNanos(15);

    private final Link link;
    private final DeadlineWatch<Link> watch;
    private final JedisErrors errors;
    private final RoundTrip roundTrip;
    private final long commandNanos;
    private final WhenBroken whenBroken;
    private final long openSince = System.nanoTime();

    /** What the marks on this connection say. */
    private final byte[] markText = markText();

    private final AtomicBoolean writing = new AtomicBoolean();
    private final AtomicBoolean reading = new AtomicBoolean();

    /** How many calls are sent and not answered; counted down when the reader stops reading. */
    private final AtomicInteger inFlight = new AtomicInteger();

    /** The last that was answered; what follows it waits for its reply. Moved by the reader. */
    private volatile Call head = new Call();

    /** The last that was sent. The writer's. */
    private Call tail = head;

    /** When nothing was under way, or a mark was set. The writer's. */
    private long markedAt;

    /** Whether the other end gives marks back, as far as is known. */
    private volatile boolean markable = true;

    /** Whether the reply to a mark is awaited. */
    private volatile boolean marked;

    private final LoneCalls lone = new LoneCalls();

    /** When something was sent while nothing was under way, if its reply has not come; else 0. */
    private volatile long sentAt;

    /** How much had been written when nothing was under way. */
    private volatile long sentBytesBefore;

    /** From when on its silence counts, since it was asked about before. */
    private volatile long silentSince;

    private volatile long usedAt;
    private volatile boolean suspect;
    private volatile boolean exclusive;
    private volatile boolean broken;

    /** Told of a connection that is given up, before the calls on it fail, and whether that was not our wish; more than once. */
    @FunctionalInterface
    interface WhenBroken {
        void accept(Pipeline pipeline, boolean byOthers);
    }

    Pipeline(Link link, Connector connector, JedisErrors errors, RoundTrip roundTrip, WhenBroken whenBroken) {
        this.link = link;
        this.watch = connector.watch();
        this.errors = errors;
        this.roundTrip = roundTrip;
        this.commandNanos = connector.commandNanos();
        this.whenBroken = whenBroken;
        this.usedAt = link.usedAt();
    }

    Link link() {
        return link;
    }

    /** A moment at which it was open, before the first call. */
    long openSince() {
        return openSince;
    }

    /** The name that no other process has than the one that it leads to; {@code null} if the server does not say it. */
    @Nullable
    String runId() {
        String process = link.process();
        return process != null && Restarts.isRunId(process) ? process : null;
    }

    int inFlight() {
        return inFlight.get();
    }

    boolean isBusy() {
        return inFlight.get() != 0;
    }

    /** Whether something slow or large is under way on it, behind which others had better not wait. */
    boolean isStalled(long now) {
        return inFlight.get() != 0 && (exclusive || now - link.heardAt() > roundTrip.silenceNanos());
    }

    /** When what is under way is overdue: nothing may come for a command timeout. */
    long overdueAt() {
        return link.heardAt() + commandNanos;
    }

    /** When the silence on it is worth a question to the server; 0 if nothing is under way, and none was a moment ago. */
    long silentAt() {
        long at = later(later(link.heardAt(), silentSince), link.pieceAt())
                + Math.max(SILENCE_NANOS, roundTrip.silenceNanos())
                + (link.sentBytes() - sentBytesBefore) * NANOS_PER_BYTE;
        // A deadline that a connection in use had a moment ago spares the watch from being woken for its next call.
        return isBusy() || at - System.nanoTime() > 0 ? at : 0;
    }

    private static long later(long one, long other) {
        return one - other > 0 ? one : other;
    }

    /** Lets the silence count from now on only, since nothing came of asking. */
    void asked(long now) {
        silentSince = now;
    }

    /** Whether what is under way only reads; a question that is to be answered after it must be of the same kind. */
    boolean waitsForReads() {
        Call first = head.after;
        return first == null || first.readOnly();
    }

    /** Whether a call waits that was sent before, and no byte has come since. */
    boolean isSilentSince(long time) {
        try {
            long at = silentAt();
            return isBusy()
                    && later(link.heardAt(), link.pieceAt()) - time < 0
                    && at - System.nanoTime() <= 0
                    && !link.arrived();
        } catch (IOException e) {
            return false;
        }
    }

    /** Gives it up since nothing comes on it, though the server answers. */
    void failSilent() {
        link.reset(CloseReason.SILENT);
        fail(new IOException("no answer on it, while the server answered on another"));
    }

    /** Lets it prove itself before it is used again. */
    void suspect() {
        suspect = true;
    }

    /** Whether it has to prove itself before it carries a call. */
    boolean needsProof(long now) {
        return suspect || now - usedAt >= DOUBT_NANOS;
    }

    /**
     * Finds out whether the other end answers. For the thread that has the right to write while nothing is under way; it
     * keeps it. Blocks.
     *
     * @param until when the answer must have come
     */
    boolean prove(long until) {
        boolean answered = false;
        try {
            expect(until);
            answered = link.callAll(List.of(Request.reading(Command.PING))).size() == 1;
        } catch (IOException | RuntimeException e) {
            // It is given up by our caller.
        }
        usedAt = System.nanoTime();
        suspect = false;
        return link.reading().end() && answered;
    }

    /** When it was last used, at most a call's length too early. */
    long usedAt() {
        return usedAt;
    }

    /** Takes the right to write, if nobody has it and, where that is asked for, nothing is under way. */
    boolean tryAcquire(boolean onlyIdle) {
        if (broken || ((onlyIdle || exclusive) && inFlight.get() != 0) || !writing.compareAndSet(false, true)) {
            return false;
        }
        if (broken || ((onlyIdle || exclusive) && inFlight.get() != 0)) {
            writing.set(false);
            return false;
        }
        return true;
    }

    /** Gives back the right to write. */
    void release() {
        writing.set(false);
    }

    /**
     * Sends calls in one go. For the thread that has the right to write; it loses it.
     *
     * @param newest the calls, newest first, linked by {@link Call#older}
     * @param now the time
     * @param until when the writing must have ended
     */
    void send(@Nullable Call newest, long now, long until) {
        Call first = null;
        Call last = null;
        int count = 0;
        for (Call call = newest; call != null; ) {
            Call older = call.older;
            call.older = null;
            if (call.takeFor(this, now, commandNanos)) {
                call.after = first;
                first = call;
                last = last == null ? call : last;
                count++;
            }
            call = older;
        }
        Throwable failure = null;
        boolean isAlone = first != null && first.alone();
        Call mark = first != null && isMarkDue(now) ? newMark(now) : null;
        if (mark != null) {
            mark.after = first;
            first = mark;
            count++;
            markedAt = now;
            lone.marked();
            marked = true;
        }
        if (first != null && last != null) {
            if (inFlight.getAndAdd(count) == 0) {
                sentAt = now;
                markedAt = now;
                sentBytesBefore = link.sentBytes();
                exclusive = isAlone;
                link.expectsReply(now);
            }
            Call before = tail;
            tail = last;
            before.after = first;
            failure = write(first, last, until);
        }
        writing.set(false);
        if (failure != null) {
            fail(failure);
        }
    }

    private boolean isMarkDue(long now) {
        if (inFlight.get() != 0) {
            return markable && !marked && now - markedAt > MARK_NANOS;
        }
        lone.sent(now, usedAt);
        return markable && !marked && lone.isMarkDue();
    }

    private @Nullable Throwable write(Call first, Call last, long until) {
        link.writing().begin(until);
        try {
            watch.expect(until);
            for (Call call = first; ; ) {
                // The reader may be past it at once: what comes next is to be known before.
                Call next = call.after;
                link.write(call.takeCommands());
                if (call == last) {
                    break;
                }
                if (next == null) {
                    throw new MalformedReplyException("one before the command was sent");
                }
                call = next;
            }
            link.flush();
        } catch (IOException | RuntimeException | Error e) {
            return e;
        } finally {
            link.writing().end();
        }
        return null;
    }

    /**
     * Reads replies, if nobody else does: until this call is answered and no more of them has arrived.
     *
     * @param own the caller's own call; {@code null} to read until nothing is under way
     * @param until when the caller has no more time
     * @return false if another thread reads
     */
    boolean read(@Nullable Call own, long until) {
        if (!reading.compareAndSet(false, true)) {
            return false;
        }
        Throwable failure = null;
        int answered = 0;
        boolean limited = own != null && own.limited();
        try {
            expect(limited ? until + commandNanos : until);
            for (Call next = head.after;
                    next != null && (own == null || own.isSent() || (answered < MOST_FOR_OTHERS && link.hasMore()));
                    next = head.after) {
                if (!link.await(roundTrip.isShort(), limited, until)) {
                    break;
                }
                if (limited) {
                    expect(until + GRACE_NANOS);
                }
                link.replyUntil(next.until());
                Object reply = next.isPlural() ? readAll(next.replies()) : link.read();
                if (answered++ == 0) {
                    timeRoundTrip();
                }
                checkMark(next, reply);
                moveTo(next);
                next.answer(reply);
            }
            if (head.after == null && link.isBuffered()) {
                failure = new MalformedReplyException("one that nobody asked for");
            }
        } catch (TooLargeReplyException e) {
            failure = e;
            answered += refuse(e);
        } catch (IOException | RuntimeException | Error e) {
            failure = e;
        }
        try {
            if (!link.reading().end() && failure == null) {
                failure = new IOException("overdue");
            }
            usedAt = System.nanoTime();
            inFlight.addAndGet(-answered);
            if (failure != null) {
                failAsReader(failure);
            }
        } finally {
            reading.set(false);
        }
        if (broken && head.after != null) {
            fail(new IOException("the connection is closed"));
        }
        return true;
    }

    /** A mark to be sent now; {@code null} where there is no memory for one, which the calls that are about to be sent must not pay for. */
    private @Nullable Call newMark(long now) {
        try {
            Call mark = Call.mark(markText, now + commandNanos);
            return mark.takeFor(this, now, commandNanos) ? mark : null;
        } catch (OutOfMemoryError e) {
            return null;
        }
    }

    /** Throws if this is the reply to a mark and not the mark's call, or the other way round. */
    private void checkMark(Call call, @Nullable Object reply) throws MalformedReplyException {
        if (!marked) {
            return;
        }
        boolean isMark = reply instanceof byte[] text && Arrays.equals(text, markText);
        if (call.mark() == null ? isMark : !isMark && !isPong(reply) && !(reply instanceof Refusal)) {
            throw new MalformedReplyException("another call's");
        }
        if (call.mark() != null) {
            marked = false;
            // A refusal is about the server's state, and proves nothing.
            markable = !isPong(reply);
        }
    }

    /** Whether something answers PING in the server's place. */
    private static boolean isPong(@Nullable Object reply) {
        return reply instanceof Status status && status.isPong();
    }

    private static byte[] markText() {
        String text =
                "holdfast:" + Long.toUnsignedString(ThreadLocalRandom.current().nextLong(), 36);
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private void expect(long until) {
        link.replyUntil(0);
        link.reading().begin(until);
        watch.expect(until);
    }

    private void timeRoundTrip() {
        long sent = sentAt;
        if (sent != 0) {
            sentAt = 0;
            long now = System.nanoTime();
            roundTrip.took(sent, now);
            lone.took(now - sent);
        }
    }

    private List<@Nullable Object> readAll(int count) throws IOException {
        List<@Nullable Object> replies = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            replies.add(link.read());
        }
        return replies;
    }

    /** The call whose reply is larger than we take has been answered by that; those behind it have not. */
    private int refuse(TooLargeReplyException e) {
        Call next = head.after;
        if (next == null) {
            return 0;
        }
        moveTo(next);
        next.fail(() -> errors.tooLarge(e));
        return 1;
    }

    /** Moves on. An old call that led to a young one would keep it, and all after it, from being collected as young. */
    private void moveTo(Call call) {
        Call before = head;
        head = call;
        before.leadsNowhere();
    }

    /** The first of the calls under way whose caller could read; any of them if there is none; null if there are none. */
    @Nullable
    Call successor() {
        Call first = head.after;
        for (Call call = first; call != null; call = call.after) {
            if (call.isSent() && call.leads()) {
                return call;
            }
        }
        return first;
    }

    /** Whether something was sent that nobody is reading the replies of. */
    boolean isUnattended() {
        return head.after != null && !reading.get();
    }

    /** Whether it was given up. */
    boolean isBroken() {
        return broken;
    }

    /** Gives the connection up, and fails what is under way. For any thread. */
    void fail(Throwable cause) {
        CloseReason closeReason = link.closeReason();
        try {
            breakOff(closeReason);
        } finally {
            while (head.after != null && reading.compareAndSet(false, true)) {
                try {
                    failAll(cause, closeReason);
                } finally {
                    reading.set(false);
                }
            }
        }
    }

    /** As {@link #fail}, for whoever reads: what is under way fails whatever is thrown meanwhile. */
    private void failAsReader(Throwable cause) {
        CloseReason closeReason = link.closeReason();
        try {
            breakOff(closeReason);
        } finally {
            failAll(cause, closeReason);
        }
    }

    private void breakOff(@Nullable CloseReason closeReason) {
        broken = true;
        try {
            link.reset(closeReason == null ? CloseReason.DISCARDED : closeReason);
        } finally {
            // Whoever is told of the failure finds no connection that has the same fate, unnoticed as yet.
            whenBroken.accept(this, closeReason == null || closeReason.silent());
        }
    }

    private void failAll(Throwable cause, @Nullable CloseReason closeReason) {
        Lost why = new Lost(errors, cause, closeReason);
        int failed = 0;
        for (Call next = head.after; next != null; next = head.after) {
            moveTo(next);
            next.fail(why);
            failed++;
        }
        inFlight.addAndGet(-failed);
    }
}
