package dev.holdfast.cache.cluster;

import io.lettuce.core.protocol.AsyncCommand;
import org.jspecify.annotations.Nullable;

/**
 * A request on its way: where it goes next, and what came of it. Of one thread.
 *
 * @param <T> the reply
 */
final class Errand<T> {
    /** What is to be done next. */
    enum Next {
        /** It is to be sent. */
        SEND,
        /** It is to be sent after a pause, if there is time. */
        PAUSE,
        /** It is to be sent once the topology has been asked for anew. */
        ASK_AROUND,
        /** It is answered. */
        DONE,
        /** It failed. */
        FAILED
    }

    private final int slot;
    private final boolean read;
    private final Request<T> request;

    private Next next = Next.SEND;
    private @Nullable Node askNext;
    private int redirections;
    private boolean redialled;
    private @Nullable Node lostAt;
    private @Nullable AsyncCommand<byte[], byte[], T> command;
    private @Nullable T reply;
    private @Nullable RuntimeException failure;

    /**
     * Creates one that is to be sent.
     *
     * @param slot the slot of its keys
     * @param read whether a replica may answer it, where that is wanted
     * @param request what is asked
     */
    Errand(int slot, boolean read, Request<T> request) {
        this.slot = slot;
        this.read = read;
        this.request = request;
    }

    int slot() {
        return slot;
    }

    boolean read() {
        return read;
    }

    Next next() {
        return next;
    }

    /** The reply, once it is done. */
    @Nullable
    T reply() {
        return reply;
    }

    /** What is to be thrown if it failed, or if there is no time for another attempt. */
    RuntimeException failure() {
        return failure == null ? new IllegalStateException("no failure is known") : failure;
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

    void done(@Nullable T value) {
        reply = value;
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

    /** The node that did not answer, if one did not. */
    @Nullable
    Node lostAt() {
        return lostAt;
    }

    /** Gives up what waits for a pause. */
    void giveUp() {
        next = Next.FAILED;
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
