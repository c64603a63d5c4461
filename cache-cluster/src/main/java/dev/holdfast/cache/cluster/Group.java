package dev.holdfast.cache.cluster;

import dev.holdfast.cache.internal.CallObservers;
import dev.holdfast.cache.spi.CallObserver;
import io.lettuce.core.protocol.AsyncCommand;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * The requests that go to one node in one write: not so many and not so large that the calls of others would wait behind them. Of one
 * thread.
 *
 * @param <T> the replies
 */
final class Group<T> {
    private static final int MOST_REQUESTS = 512;
    private static final long MOST_BYTES = 1024 * 1024;

    private final Node node;
    private final List<RoutedRequest<T>> allRouted = new ArrayList<>();
    private final List<AsyncCommand<byte[], byte[], ?>> commands = new ArrayList<>();
    private long bytes;
    private @Nullable Link link;
    private int tick;
    private boolean sent;
    private boolean settled;
    private boolean answered;
    private CallObserver.Ended observed = CallObserver.UNOBSERVED;

    Group(Node node) {
        this.node = node;
    }

    Node node() {
        return node;
    }

    List<RoutedRequest<T>> allRouted() {
        return allRouted;
    }

    /** Whether the rest has to wait until this is answered. */
    boolean isFull() {
        return allRouted.size() == MOST_REQUESTS || bytes >= MOST_BYTES;
    }

    void add(RoutedRequest<T> routed) {
        if (routed.askNext() != null) {
            commands.add(Requests.ASKING.command());
        }
        commands.add(routed.newCommand());
        allRouted.add(routed);
        bytes += routed.bytes();
        if (!routed.isRead()) {
            node.wrote();
        }
    }

    /** Chooses the connection. */
    void begin(Watch watch) {
        tick = watch.enter(node);
        Link chosen = node.pool().link(Link.isLarge(bytes));
        chosen.enter(commands.size(), bytes);
        link = chosen;
    }

    void send(CallObservers observers) {
        sent = true;
        if (observers.isObserved()) {
            String command = allRouted.get(0).type().toString();
            observed = allRouted.size() == 1
                    ? observers.began(command, node.toString())
                    : observers.beganPipeline(command, node.toString());
        }
        link().send(commands);
    }

    private @Nullable Throwable problem() {
        for (RoutedRequest<T> routed : allRouted) {
            if (routed.problem() != null) {
                return routed.problem();
            }
        }
        return settled ? null : new CancellationException("nobody waits for the answer any more");
    }

    boolean isSent() {
        return sent;
    }

    Link link() {
        if (link == null) {
            throw new IllegalStateException("not begun");
        }
        return link;
    }

    /** Notes that each was waited for. */
    void settled(boolean allAnswered) {
        settled = true;
        answered = allAnswered;
    }

    /** Ends the wait; what is still under way is given up. */
    void end() {
        if (link != null) {
            if (!settled) {
                commands.forEach(AsyncCommand::cancel);
            }
            link.exit(commands.size(), bytes, answered);
            node.inFlight().exit(tick);
            observed.ended(problem());
        }
    }
}
