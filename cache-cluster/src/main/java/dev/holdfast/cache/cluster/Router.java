package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.cluster.LettuceErrors.Redirection;
import io.lettuce.core.protocol.AsyncCommand;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Takes requests to the nodes that have their slots, follows redirections, and repeats what failed for a reason that passes by
 * itself, until all are answered or the caller's time is up. What becomes of a failed attempt is decided here and nowhere else.
 */
final class Router {
    private static final int MOST_REDIRECTIONS = 32;
    private static final int REDIRECTIONS_WITHOUT_PAUSE = 4;
    private static final long SHORTEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);
    /** So long somebody waits to hear who has a slot now; where nobody answers at all, one round of asking takes longer. */
    private static final long QUESTION_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final long LEAST_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long LONGEST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

    private final Topology topology;
    private final Watch watch;
    private final LettuceErrors errors;
    private final ReadFrom readFrom;
    private final long commandNanos;
    private final long retryNanos;

    Router(ClusterConfig config, Topology topology, Watch watch, LettuceErrors errors) {
        this.topology = topology;
        this.watch = watch;
        this.errors = errors;
        this.readFrom = config.readFrom();
        this.commandNanos = config.commandTimeout().toNanos();
        this.retryNanos = config.clusterDownRetry().toNanos();
    }

    /**
     * Runs an errand to its end.
     *
     * @param start when the call began
     * @param until when it must have ended
     * @return the reply
     * @throws dev.holdfast.cache.CacheException if there is none
     * @throws UnknownScriptException if the node does not know the script
     */
    <T> @Nullable T run(Errand<T> errand, long start, long until) {
        requireNotInterrupted();
        topology.known(until);
        long pause = SHORTEST_PAUSE_NANOS;
        while (true) {
            attempt(errand, until);
            switch (errand.next()) {
                case DONE -> {
                    return errand.reply();
                }
                case FAILED -> throw errand.failure();
                case PAUSE -> {
                    if (!pause(pause, start, until)) {
                        throw errand.failure();
                    }
                    pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
                }
                case ASK_AROUND -> {
                    topology.awaitFresh(earlier(System.nanoTime() + QUESTION_NANOS, lastAttempt(start, until)));
                    if (!isWorthwhile(until)) {
                        throw errand.failure();
                    }
                }
                case SEND -> {
                    if (System.nanoTime() - until >= 0) {
                        throw errors.noTimeLeft();
                    }
                }
            }
        }
    }

    private <T> void attempt(Errand<T> errand, long until) {
        Node node = target(errand);
        if (node == null) {
            return;
        }
        int tick = watch.enter(node);
        try {
            attempt(errand, node, node.link(), until);
        } finally {
            node.inFlight().exit(tick);
        }
    }

    private <T> void attempt(Errand<T> errand, Node node, Link link, long until) {
        boolean answered = false;
        link.enter(1);
        try {
            send(errand, link);
            answered = settle(errand, node, link, until);
        } finally {
            link.exit(1, answered);
        }
    }

    /**
     * Asks one node what only it can say.
     *
     * @param until when it must have been answered
     * @return the reply
     */
    <T> T runAt(Node node, Request<T> request, long until) {
        requireNotInterrupted();
        Errand<T> errand = new Errand<>(0, false, request);
        errand.askAt(node);
        while (errand.next() != Errand.Next.DONE) {
            Throwable outage = node.outage();
            if (outage != null) {
                throw errors.out(node, outage, () -> servesMostWithout(node));
            }
            errand.askAt(node);
            attempt(errand, until);
            if (errand.next() == Errand.Next.ASK_AROUND) {
                topology.awaitFresh(earlier(System.nanoTime() + QUESTION_NANOS, until));
            }
            if (errand.next() == Errand.Next.FAILED
                    || (errand.next() == Errand.Next.PAUSE && !pause(LONGEST_PAUSE_NANOS, until - retryNanos, until))) {
                throw errand.failure();
            }
        }
        T reply = errand.reply();
        if (reply == null) {
            throw errors.noTimeLeft();
        }
        return reply;
    }

    /**
     * Runs errands to their ends, those of one node together, nodes in parallel. How each ended is in it.
     *
     * @param start when the call began
     * @param until when it must have ended
     */
    <T> void runAll(List<Errand<T>> errands, long start, long until) {
        requireNotInterrupted();
        topology.known(until);
        List<Errand<T>> pending = errands;
        long pause = SHORTEST_PAUSE_NANOS;
        while (!pending.isEmpty()) {
            attemptAll(pending, until);
            pending = pending.stream()
                    .filter(errand -> errand.next() != Errand.Next.DONE && errand.next() != Errand.Next.FAILED)
                    .toList();
            if (pending.stream().anyMatch(errand -> errand.next() == Errand.Next.ASK_AROUND)) {
                topology.awaitFresh(earlier(System.nanoTime() + QUESTION_NANOS, lastAttempt(start, until)));
            }
            boolean inTime = System.nanoTime() - until < 0;
            if (!pending.isEmpty() && pending.stream().allMatch(errand -> errand.next() == Errand.Next.PAUSE)) {
                inTime = pause(pause, start, until);
                pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS);
            }
            if (!inTime) {
                pending.forEach(this::giveUp);
                return;
            }
        }
    }

    private void giveUp(Errand<?> errand) {
        if (errand.next() == Errand.Next.SEND) {
            errand.failed(errors.noTimeLeft());
        } else {
            errand.giveUp();
        }
    }

    private <T> void attemptAll(List<Errand<T>> errands, long until) {
        Map<Node, Group<T>> groups = new HashMap<>();
        for (Errand<T> errand : errands) {
            Node node = target(errand);
            if (node != null) {
                groups.computeIfAbsent(node, Group::new).add(errand);
            }
        }
        List<Group<T>> open = new ArrayList<>(groups.values());
        try {
            open.forEach(group -> group.begin(watch));
            for (Group<T> group : groups.values()) {
                boolean answered = false;
                for (Errand<T> errand : group.errands) {
                    answered |= settle(errand, group.node, group.link(), until);
                }
                group.end(answered);
                open.remove(group);
            }
        } finally {
            open.forEach(Group::abandon);
        }
    }

    /** The errands that go to one node in one write. */
    private static final class Group<T> {
        final Node node;
        final List<Errand<T>> errands = new ArrayList<>();
        private final List<AsyncCommand<byte[], byte[], ?>> commands = new ArrayList<>();
        private @Nullable Link link;
        private int tick;

        Group(Node node) {
            this.node = node;
        }

        void add(Errand<T> errand) {
            if (errand.askNext() != null) {
                commands.add(Requests.ASKING.command());
            }
            commands.add(errand.newCommand());
            errands.add(errand);
        }

        void begin(Watch watch) {
            tick = watch.enter(node);
            Link chosen = node.link();
            chosen.enter(commands.size());
            link = chosen;
            chosen.send(commands);
        }

        Link link() {
            if (link == null) {
                throw new IllegalStateException("not begun");
            }
            return link;
        }

        void end(boolean answered) {
            link().exit(commands.size(), answered);
            node.inFlight().exit(tick);
        }

        /** Nobody waits for it any more. */
        void abandon() {
            if (link != null) {
                commands.forEach(AsyncCommand::cancel);
                end(false);
            }
        }
    }

    /** Where an errand goes now; {@code null} if nowhere, and then it knows why. */
    private @Nullable Node target(Errand<?> errand) {
        Node named = errand.askNext();
        if (named != null) {
            return named;
        }
        SlotMap.Shard shard = topology.map().shard(errand.slot());
        if (shard == null) {
            topology.refreshSoon();
            errand.pause(errors.unserved(errand.slot(), () -> servesMostWithout(null)));
            return null;
        }
        Node node = errand.read() ? reader(shard, errand.lostAt()) : shard.master();
        Throwable outage = node.outage();
        if (outage != null) {
            CacheUnavailableException why = errors.out(node, outage, () -> servesMostWithout(node));
            if (topology.isFresh(node.outSince())) {
                errand.failed(why);
            } else {
                errand.askAround(node, why);
            }
            return null;
        }
        return node;
    }

    private Node reader(SlotMap.Shard shard, @Nullable Node lostAt) {
        Node master = shard.master();
        List<Node> replicas = readFrom == ReadFrom.MASTER
                ? List.of()
                : shard.replicas().stream()
                        .filter(node -> node.isUp() && node != lostAt)
                        .toList();
        if (replicas.isEmpty()) {
            return master;
        }
        boolean fit = master.isUp() && master != lostAt;
        return switch (readFrom) {
            case MASTER -> master;
            case MASTER_PREFERRED -> fit ? master : any(replicas);
            case REPLICA_PREFERRED -> any(replicas);
            case NEAREST ->
                Stream.concat(fit ? Stream.of(master) : Stream.empty(), replicas.stream())
                        .min(Comparator.comparingLong(node -> node.prober().lastLatencyNanos()))
                        .orElse(master);
        };
    }

    private static Node any(List<Node> nodes) {
        return nodes.get(ThreadLocalRandom.current().nextInt(nodes.size()));
    }

    private <T> void send(Errand<T> errand, Link link) {
        boolean asking = errand.askNext() != null;
        AsyncCommand<byte[], byte[], T> command = errand.newCommand();
        if (asking) {
            link.send(List.of(Requests.ASKING.command(), command));
        } else {
            link.send(command);
        }
    }

    /** Waits for the answer to an attempt and decides what comes next; returns whether there was one. */
    private <T> boolean settle(Errand<T> errand, Node node, Link link, long until) {
        AsyncCommand<byte[], byte[], T> command = errand.command();
        long now = System.nanoTime();
        long left = until - now;
        long wait = link.isOpen() ? Math.min(left, commandNanos) : left;
        try {
            errand.done(command.get(Math.max(0, wait), TimeUnit.NANOSECONDS));
            return true;
        } catch (ExecutionException e) {
            decide(errand, node, link, e.getCause() == null ? e : e.getCause());
            return true;
        } catch (CancellationException e) {
            decide(errand, node, link, e);
            return true;
        } catch (TimeoutException e) {
            command.cancel();
            errand.failed(errors.timeout(node, wait, e, link.isOpen()));
            if (link.isStuckFor(commandNanos)) {
                node.drop(link, new Doom(Doom.Kind.STUCK, e));
            }
            watch.suspect(node);
            topology.refreshSoon();
            return false;
        } catch (InterruptedException e) {
            command.cancel();
            throw errors.interrupted(e);
        }
    }

    private void decide(Errand<?> errand, Node node, Link link, Throwable failure) {
        switch (LettuceErrors.kindOf(failure)) {
            case MOVED -> {
                Redirection redirection = LettuceErrors.redirection(failure, node);
                topology.moved(redirection.slot(), redirection.to());
                errand.again();
                limitRedirections(errand);
            }
            case ASK -> {
                errand.askAt(
                        topology.node(LettuceErrors.redirection(failure, node).to()));
                limitRedirections(errand);
            }
            case PASSING -> {
                topology.refreshSoon();
                errand.pause(errors.failed(failure, node, link, () -> servesMostWithout(node)));
            }
            case NO_SCRIPT -> errand.failed(new UnknownScriptException());
            case ANSWERED -> errand.failed(errors.failed(failure, node, link, () -> servesMostWithout(node)));
            case LOST -> lost(errand, node, link, failure);
        }
    }

    private void limitRedirections(Errand<?> errand) {
        int redirections = errand.redirected();
        if (redirections > MOST_REDIRECTIONS) {
            errand.failed(errors.redirectedTooOften(errand.slot()));
        } else if (redirections > REDIRECTIONS_WITHOUT_PAUSE && errand.askNext() == null) {
            errand.pause(errors.redirectedTooOften(errand.slot()));
        }
    }

    private void lost(Errand<?> errand, Node node, Link link, Throwable failure) {
        Doom doom = link.doom();
        if (doom == null) {
            watch.suspect(node);
            topology.refreshSoon();
            // Closed by the server before it was used: that says nothing of the server.
            if (failure instanceof UnsentException && !link.opened().isCompletedExceptionally() && errand.redial()) {
                errand.again();
                return;
            }
        }
        RuntimeException why = errors.failed(failure, node, link, () -> servesMostWithout(node));
        boolean harmless = failure instanceof UnsentException || errand.read();
        if (harmless && (doom == null || doom.kind() == Doom.Kind.OUT)) {
            // The node may have left the cluster, and its slots to others.
            errand.askAround(node, why);
        } else {
            errand.failed(why);
        }
    }

    /** Whether the trouble is one shard's: the others, at least half of the slots, are served. */
    private boolean servesMostWithout(@Nullable Node node) {
        int served = 0;
        for (Node other : topology.map().nodes()) {
            if (other != node && other.isUp()) {
                served += other.role().slots().cardinality();
            }
        }
        return 2 * served >= Slots.COUNT;
    }

    /** Waits; returns false at once if there is no time for that and another attempt. */
    private boolean pause(long nanos, long start, long until) {
        long jittered = nanos / 2 + ThreadLocalRandom.current().nextLong(nanos / 2 + 1);
        if (lastAttempt(start, until) - System.nanoTime() <= jittered) {
            return false;
        }
        LockSupport.parkNanos(this, jittered);
        requireNotInterrupted();
        return isWorthwhile(until);
    }

    /** Whether there is time for an answer: what is known is better than one more attempt of which nobody learns what came. */
    private static boolean isWorthwhile(long until) {
        return until - System.nanoTime() > LEAST_NANOS;
    }

    private static long earlier(long one, long other) {
        return one - other < 0 ? one : other;
    }

    /** When nothing is repeated any more. */
    private long lastAttempt(long start, long until) {
        return until - start < retryNanos ? until : start + retryNanos;
    }

    private void requireNotInterrupted() {
        if (Thread.currentThread().isInterrupted()) {
            throw errors.interrupted(null);
        }
    }
}
