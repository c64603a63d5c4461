package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheRejectedException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Asks all masters where the slots are, and what their processes are called. Of one thread. */
final class Survey {
    private static final Pattern RUN_ID = Pattern.compile("(?m)^run_id:(\\p{XDigit}{8,64})\\s*$");

    private final Topology topology;
    private final Router router;
    private final LettuceErrors errors;
    private final long until;
    private final PrefixRemoval.Unfinished unfinished;

    /** What the masters answered when they were last asked. */
    private Map<Node, Answer> answers = Map.of();

    /**
     * An answer.
     *
     * @param asked when it was asked for
     * @param since when the connection was opened on which it came
     * @param process the name of the process that gave it; {@code null} if the node does not say it
     */
    record Answer(long asked, long since, @Nullable String process) {}

    /**
     * Prepares one.
     *
     * @param until when it must have ended
     */
    Survey(Session session, long until) {
        this.topology = session.topology;
        this.router = session.router;
        this.errors = session.errors;
        this.until = until;
        this.unfinished = session.unfinishedRemovals;
    }

    /** Gives each master's last answer to whoever wants to know. */
    void tell(BiConsumer<Node, Answer> listener) {
        answers.forEach(listener);
    }

    /** Asks every master now, each for what it alone knows: which slots it is just giving or taking. */
    SlotMap make() {
        List<Node> masters = topology.known(until).masters();
        List<Seen> seen = askWhoIsThere(masters);
        boolean named = seen.stream().anyMatch(Seen::hasHostNames);
        List<List<Object>> slots = named ? askAll(masters, Requests.CLUSTER_SLOTS) : List.of();
        List<View> views = new ArrayList<>();
        for (int i = 0; i < masters.size(); i++) {
            Node master = masters.get(i);
            try {
                views.add(seen.get(i).view(named ? slots.get(i) : List.of(), master.asked()));
            } catch (IllegalArgumentException e) {
                throw errors.noView(master, null, e);
            }
        }
        return topology.publish(views);
    }

    /**
     * What a master sees of the cluster.
     *
     * @param dialect how it was asked
     * @param reply its reply
     * @param openSince when the connection was opened on which it came
     */
    private record Seen(Dialect dialect, Object reply, long openSince) {
        boolean hasHostNames() {
            return dialect.hasHostNames(reply);
        }

        View view(List<?> slots, Asked asked) {
            return dialect.view(reply, slots, asked);
        }
    }

    /** What a question was answered with; while it is refused, the master is asked in other words. */
    private Seen seen(Node master, Dialect first, RoutedRequest<Object> asked) {
        Dialect dialect = first;
        RoutedRequest<Object> question = asked;
        while (question.reply() == null
                && dialect.next() != first
                && FailureKind.isCommandRefused(question.failure())) {
            dialect = dialect.next();
            question = RoutedRequest.pinned(master, dialect.request().widened());
            router.runAll(List.of(question), System.nanoTime(), until);
        }
        Object reply = replyTo(question);
        master.dialect(dialect);
        return new Seen(dialect, reply, question.openSince());
    }

    /** As calls, so that a master that hangs or is gone is noticed as with any call, and is not waited for. */
    private <T> List<T> askAll(List<Node> masters, Request<T> request) {
        List<RoutedRequest<T>> questions = new ArrayList<>();
        masters.forEach(master -> questions.add(RoutedRequest.pinned(master, request)));
        router.runAll(questions, System.nanoTime(), until);
        return questions.stream().map(this::replyTo).toList();
    }

    private <T> T replyTo(RoutedRequest<T> question) {
        T reply = question.reply();
        if (reply == null) {
            throw errors.unavailable(question.failure());
        }
        return reply;
    }

    /** Asks every master who is in the cluster, and what its process is called, for which it need not have an answer. */
    private List<Seen> askWhoIsThere(List<Node> masters) {
        List<Dialect> dialects = masters.stream().map(Node::dialect).toList();
        List<RoutedRequest<Object>> questions = new ArrayList<>();
        for (int i = 0; i < masters.size(); i++) {
            questions.add(RoutedRequest.pinned(
                    masters.get(i), dialects.get(i).request().widened()));
        }
        if (!unfinished.nameless) {
            masters.forEach(master -> questions.add(RoutedRequest.pinned(master, Requests.INFO_SERVER.widened())));
        }
        long asked = System.nanoTime();
        router.runAll(questions, asked, until);
        Map<Node, Answer> heard = new LinkedHashMap<>();
        List<Seen> seen = new ArrayList<>();
        for (int i = 0; i < masters.size(); i++) {
            RoutedRequest<Object> members = questions.get(i);
            Seen answer = seen(masters.get(i), dialects.get(i), members);
            seen.add(answer);
            RoutedRequest<Object> info = questions.get(questions.size() - masters.size() + i);
            String process = info == members ? null : processOf(info);
            // The name is that of the connection on which it came.
            long since = process == null ? answer.openSince() : info.openSince();
            heard.put(masters.get(i), new Answer(asked, since, process));
        }
        answers = heard;
        return seen;
    }

    private @Nullable String processOf(RoutedRequest<Object> info) {
        if (!(info.reply() instanceof byte[] text)) {
            unfinished.nameless |= info.failure() instanceof CacheRejectedException;
            return null;
        }
        Matcher line = RUN_ID.matcher(new String(text, StandardCharsets.ISO_8859_1));
        return line.find() ? line.group(1) : null;
    }
}
