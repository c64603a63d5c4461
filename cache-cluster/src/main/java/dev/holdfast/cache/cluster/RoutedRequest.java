package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.redis.Failures;
import io.lettuce.core.protocol.AsyncCommand;
import io.lettuce.core.protocol.ProtocolKeyword;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A request on its way: where it goes next, and what came of it. Of one thread.
 *
 * @param <T> the reply
 */
final class RoutedRequest<T> {
    /** What is to be done next. */
    enum Next {
        /** It is to be sent. */
        SEND,
        /** It is to be sent after a pause, if there is time. */
        PAUSE,
        /** It is to be sent once the topology has been asked for anew. */
        ASK_AROUND,
        /** It is to be sent once a new master has shown that it lacks nothing. */
        HOLD,
        /** It is answered. */
        DONE,
        /** It failed. */
        FAILED
    }

    /** What a request does, as far as it decides where it goes and whether it may be sent twice. */
    enum Kind {
        /** Changes nothing; a replica may answer it, where that is wanted. */
        READ,
        /** Changes something, and twice is the same as once. */
        HARMLESS,
        /** Changes something, and twice is not the same as once. */
        ONCE
    }

    private final int slot;
    private final Kind kind;
    private final Request<T> request;

    private Next next = Next.SEND;
    private @Nullable Node askNext;
    private int redirections;
    private boolean redialled;
    private boolean alone;
    private boolean mayHaveRun;
    private @Nullable Node closer;
    private int closed;
    private int closedAlone;
    private long closedBefore;
    private boolean acquitted;
    private @Nullable Node pinned;
    private boolean prefersMaster;
    private @Nullable Node sentTo;
    private @Nullable Set<Node> avoided;
    private @Nullable Node lostAt;
    private @Nullable Node held;
    private @Nullable AsyncCommand<byte[], byte[], T> command;
    private @Nullable T reply;
    private long openSince;
    private @Nullable RuntimeException failure;

    /**
     * Creates one that is to be sent.
     *
     * @param slot the slot of its keys
     * @param kind what it does
     * @param request what is asked
     */
    RoutedRequest(int slot, Kind kind, Request<T> request) {
        this.slot = slot;
        this.kind = kind;
        this.request = request;
    }

    /** One that reads at a node, whoever has which slot. */
    static <T> RoutedRequest<T> pinned(Node node, Request<T> request) {
        RoutedRequest<T> routed = new RoutedRequest<>(0, Kind.READ, request);
        routed.pinned = node;
        return routed;
    }

    int slot() {
        return slot;
    }

    boolean isRead() {
        return kind == Kind.READ;
    }

    /** Whether it may be sent again when nobody knows what came of it. */
    boolean isHarmless() {
        return kind != Kind.ONCE;
    }

    /** Whether it carries so much that others should not wait behind it. */
    boolean isLarge() {
        return Link.isLarge(request.bytes());
    }

    /** How large what it sends is, about. */
    long bytes() {
        return request.bytes();
    }

    Next next() {
        return next;
    }

    /** The reply, once it is done. */
    @Nullable
    T reply() {
        return reply;
    }

    /** When the connection was opened on which it was answered, once it is done. */
    long openSince() {
        return openSince;
    }

    /** What is to be thrown if it failed, or if there is no time for another attempt. */
    RuntimeException failure() {
        RuntimeException why = failure == null ? new IllegalStateException("no failure is known") : failure;
        return mayHaveRun && why instanceof CacheUnavailableException known ? Failures.outcomeUnknown(known) : why;
    }

    /** What the last attempt that failed did so with; {@code null} if none did, or it is answered. */
    @Nullable
    RuntimeException problem() {
        return next == Next.DONE ? null : failure;
    }

    /** The node that was named by ASK, to be asked once. */
    @Nullable
    Node askNext() {
        return askNext;
    }

    /** Makes the command for another attempt. */
    AsyncCommand<byte[], byte[], T> newCommand() {
        AsyncCommand<byte[], byte[], T> made = request.command();
        command = made;
        askNext = null;
        return made;
    }

    /** The command of the present attempt. */
    AsyncCommand<byte[], byte[], T> command() {
        if (command == null) {
            throw new IllegalStateException("not sent");
        }
        return command;
    }

    /**
     * Notes that it is answered.
     *
     * @param since when the connection was opened on which it was
     */
    void done(@Nullable T value, long since) {
        reply = value;
        openSince = since;
        next = Next.DONE;
    }

    void failed(RuntimeException why) {
        failure = why;
        next = Next.FAILED;
    }

    void again() {
        next = Next.SEND;
    }

    void askAt(Node node) {
        askNext = node;
        next = Next.SEND;
    }

    void pause(RuntimeException why) {
        failure = why;
        next = Next.PAUSE;
    }

    /**
     * Has it wait for a new master to show that it lacks nothing.
     *
     * @param why what is to be thrown if it does not
     */
    void hold(Node master, RuntimeException why) {
        held = master;
        failure = why;
        next = Next.HOLD;
    }

    /** The new master that it waits for. */
    Node held() {
        if (held == null) {
            throw new IllegalStateException("not held");
        }
        return held;
    }

    /**
     * Has the topology asked for, since another node may have its slot by now; once, so that the second time it fails.
     *
     * @param at the node that did not answer
     * @param why what is to be thrown if nothing better comes of it
     */
    void askAround(Node at, RuntimeException why) {
        failure = why;
        next = lostAt == null ? Next.ASK_AROUND : Next.FAILED;
        lostAt = at;
    }

    /**
     * Has it go to another node than one that answers, but can't serve, or does not let itself be reached.
     *
     * @param at that node
     * @param why what is to be thrown if nothing better comes of it
     */
    void avoid(Node at, RuntimeException why) {
        failure = why;
        avoided = avoided == null ? new HashSet<>(2) : avoided;
        avoided.add(at);
        next = Next.SEND;
    }

    /** Whether it has been at a node in vain. */
    boolean avoids(Node node) {
        return node == lostAt || (avoided != null && avoided.contains(node));
    }

    /** Notes that it was sent and that nobody knows what came of it, so that whatever it fails with later does not either. */
    void mayHaveRun() {
        mayHaveRun = true;
    }

    /** The only node that it may go to, if there is one. */
    @Nullable
    Node pinned() {
        return pinned;
    }

    /** Has a read go to the master if that is there, wherever reads go else. */
    void preferMaster() {
        prefersMaster = true;
    }

    boolean prefersMaster() {
        return prefersMaster;
    }

    /** Notes where it is sent. */
    void sentTo(Node node) {
        sentTo = node;
    }

    /** Who has answered, once it is done: whoever it was sent to last. */
    @Nullable
    Node answeredBy() {
        return next == Next.DONE ? sentTo : null;
    }

    /** Has it sent on a connection of its own, since the one before was closed with it. */
    void sendAlone() {
        alone = true;
        next = Next.SEND;
    }

    /** Whether it is sent on a connection of its own. */
    boolean isAlone() {
        return alone;
    }

    /** Gives up what waits for a pause. */
    void giveUp() {
        next = Next.FAILED;
    }

    /** What kind of command it is. */
    ProtocolKeyword type() {
        return request.type();
    }

    /**
     * Notes that a node closed the connection under it.
     *
     * @param closedByNode how many connections that node has closed by now, this one among them
     */
    void closedBy(Node node, long closedByNode) {
        if (node != closer) {
            closer = node;
            closedBefore = closedByNode - 1;
            closed = 0;
            closedAlone = 0;
        }
        closed++;
        closedAlone += alone ? 1 : 0;
    }

    /** How many connections were closed under it by the node that closed the last. */
    int closed() {
        return closed;
    }

    /** How many of those were its own. */
    int closedAlone() {
        return closedAlone;
    }

    /** How many that node had closed before the first of those. */
    long closedBefore() {
        return closedBefore;
    }

    /** Notes that it is the node and not this request that the connections are closed for. */
    void acquit() {
        acquitted = true;
    }

    /** Whether that is known. */
    boolean isAcquitted() {
        return acquitted;
    }

    /** Counts a redirection; returns how many there have been. */
    int redirected() {
        return ++redirections;
    }

    /** Whether this is the first time that another connection has to be tried. */
    boolean redial() {
        boolean first = !redialled;
        redialled = true;
        return first;
    }
}
