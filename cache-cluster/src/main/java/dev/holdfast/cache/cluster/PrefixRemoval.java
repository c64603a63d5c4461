package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.CacheRejectedException;
import dev.holdfast.cache.CacheTimeoutException;
import dev.holdfast.cache.CacheUnavailableException;
import dev.holdfast.cache.CacheUnavailableException.Reason;
import dev.holdfast.cache.PrefixScan;
import dev.holdfast.cache.PrefixScans;
import dev.holdfast.cache.SparedKeys;
import io.lettuce.core.KeyScanCursor;
import io.lettuce.core.protocol.CommandType;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Removes every key with a prefix: SCAN on all masters at the same time, UNLINK in batches. A slot that is moved meanwhile could
 * escape, so it begins again until the slots were where they are now all the time; while slots are just being moved it goes over all
 * masters twice, since a key moves but once. What ran out of time is gone on with by the next of the same prefix, while the slots are where
 * they were.
 */
final class PrefixRemoval {
    private static final Pattern RUN_ID = Pattern.compile("(?m)^run_id:(\\p{XDigit}{8,64})\\s*$");

    /** What the removals of one store have in common. */
    static final class Unfinished {
        final PrefixScans scans = new PrefixScans();

        /** Whether a node has refused to say what its process is called: each refusal is noted there as a breach. */
        volatile boolean nameless;
    }

    private final Topology topology;
    private final Router router;
    private final LettuceErrors errors;
    private final Unfinished unfinished;
    private final byte[] pattern;
    private final SparedKeys spared;
    private final long until;
    private final @Nullable Long begun;
    private final Predicate<PrefixScan> enough;
    private final @Nullable Useless useless;
    private long removed;

    /** How far each master has come. */
    private Map<Node, PrefixScan> scans = Map.of();

    /** What the masters answered when they were last asked where the slots are. */
    private Map<Node, Answer> answers = Map.of();

    /**
     * An answer.
     *
     * @param asked when it was asked for
     * @param since when the connection was opened on which it came
     * @param process the name of the process that gave it; {@code null} if the node does not say it
     */
    private record Answer(long asked, long since, @Nullable String process) {}

    /** What tells by the first bytes of a value that it may go; then nothing else does, and there is no hurry. */
    record Useless(int head, Predicate<byte[]> says) {}

    /**
     * Prepares one.
     *
     * @param session whose keys
     * @param pattern what SCAN is to match
     * @param until when it must have ended
     * @param begun when the one began that this goes on with; {@code null} if it is one by itself
     * @param useless which are to go; {@code null} if all are
     */
    PrefixRemoval(Session session, byte[] pattern, long until, @Nullable Long begun, @Nullable Useless useless) {
        this.useless = useless;
        this.begun = begun;
        this.enough = begun == null ? PrefixScan::isComplete : scan -> scan.isCoveredSince(begun);
        this.topology = session.topology;
        this.router = session.router;
        this.errors = session.errors;
        this.unfinished = session.unfinishedRemovals;
        this.pattern = pattern;
        this.spared = session.spared;
        this.until = until;
    }

    /** Does it; returns how many keys there were. */
    long run() {
        boolean ended = false;
        SlotMap map = survey();
        try {
            begin(map);
            while (true) {
                pass(map);
                if (map.isMoving()) {
                    scans.values().forEach(PrefixScan::again);
                    pass(map);
                }
                SlotMap after = survey();
                if (!after.signature().equals(map.signature())) {
                    map = after;
                    begin(map);
                } else if (areComplete()) {
                    ended = true;
                    return removed;
                }
            }
        } finally {
            if (!ended) {
                Object where = where(map);
                scans.forEach((master, scan) -> unfinished.scans.failed(List.of(master, where), scan));
            }
        }
    }

    /** Begins with each master, or goes on where the slots are the same. */
    private void begin(SlotMap map) {
        Object where = where(map);
        Map<Node, PrefixScan> all = new LinkedHashMap<>();
        for (Node master : map.masters()) {
            Object what = List.of(master, where);
            all.put(master, begun == null ? unfinished.scans.begin(what) : unfinished.scans.resume(what));
        }
        scans = all;
        hear();
    }

    /** The keys, and where the slots are, as a name of bearable size. */
    private Object where(SlotMap map) {
        String pattern = new String(this.pattern, StandardCharsets.UTF_8);
        return List.of(pattern, digest(map.signature()), useless == null ? 0 : useless.head());
    }

    private static String digest(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }

    private boolean areComplete() {
        return scans.values().stream().allMatch(enough);
    }

    private void hear() {
        answers.forEach((master, answer) -> {
            PrefixScan scan = scans.get(master);
            if (scan != null) {
                scan.heard(answer.asked(), answer.since(), answer.process());
            }
        });
    }

    /** Asks every master now, each for what it alone knows: which slots it is just giving or taking. */
    private SlotMap survey() {
        List<Node> masters = topology.known(until).masters();
        List<Seen> seen = askWhoIsThere(masters);
        hear();
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
                && LettuceErrors.isCommandRefused(question.failure())) {
            dialect = dialect.next();
            question = question(master, dialect.request().widened());
            router.runAll(List.of(question), System.nanoTime(), until);
        }
        Object reply = replyTo(question);
        master.dialect(dialect);
        return new Seen(dialect, reply, question.openSince());
    }

    /** As calls, so that a master that hangs or is gone is noticed as with any call, and is not waited for. */
    private <T> List<T> askAll(List<Node> masters, Request<T> request) {
        List<RoutedRequest<T>> questions = new ArrayList<>();
        masters.forEach(master -> questions.add(question(master, request)));
        router.runAll(questions, System.nanoTime(), until);
        return questions.stream().map(this::replyTo).toList();
    }

    private static <T> RoutedRequest<T> question(Node master, Request<T> request) {
        RoutedRequest<T> question = new RoutedRequest<>(0, RoutedRequest.Kind.READ, request);
        question.pinTo(master);
        return question;
    }

    private <T> T replyTo(RoutedRequest<T> question) {
        T reply = question.reply();
        if (reply == null) {
            throw unavailable(question.failure());
        }
        return reply;
    }

    /** Asks every master who is in the cluster, and what its process is called, for which it need not have an answer. */
    private List<Seen> askWhoIsThere(List<Node> masters) {
        List<Dialect> dialects = masters.stream().map(Node::dialect).toList();
        List<RoutedRequest<Object>> questions = new ArrayList<>();
        for (int i = 0; i < masters.size(); i++) {
            questions.add(question(masters.get(i), dialects.get(i).request().widened()));
        }
        if (!unfinished.nameless) {
            masters.forEach(master -> questions.add(question(master, Requests.INFO_SERVER.widened())));
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

    private void pass(SlotMap map) {
        Map<Node, CacheUnavailableException> unreached = new LinkedHashMap<>();
        List<Node> left = new ArrayList<>(map.masters());
        while (true) {
            left.removeIf(master -> enough.test(scan(master)) || unreached.containsKey(master));
            if (left.isEmpty()) {
                break;
            }
            scan(left, unreached);
        }
        if (!unreached.isEmpty()) {
            throw incomplete(unreached);
        }
        if (map.served() < Slots.COUNT) {
            throw new CacheUnavailableException(
                    "keys with the prefix may be left: not every slot is served", null, Reason.PARTIAL, removed > 0);
        }
    }

    private PrefixScan scan(Node master) {
        return Objects.requireNonNull(scans.get(master));
    }

    private CacheUnavailableException incomplete(Map<Node, CacheUnavailableException> unreached) {
        List<CacheUnavailableException> failures = List.copyOf(unreached.values());
        CacheUnavailableException first = failures.get(0);
        failures.stream().filter(other -> other != first).distinct().forEach(first::addSuppressed);
        String message = "keys with the prefix may be left on " + unreached.keySet() + " (" + removed
                + " are removed, "
                + scans.values().stream().filter(enough).count() + " of "
                + scans.size()
                + " masters are done; the next attempt goes on there): " + first.getMessage();
        boolean unknown =
                first.outcomeUnknown() || removed > 0 || scans.values().stream().anyMatch(PrefixScan::isCovered);
        return first instanceof CacheTimeoutException
                ? new CacheTimeoutException(message, first, unknown)
                : new CacheUnavailableException(message, first, first.reason(), unknown);
    }

    /** One page of each master. */
    private void scan(List<Node> masters, Map<Node, CacheUnavailableException> unreached) {
        List<RoutedRequest<KeyScanCursor<byte[]>>> pages = new ArrayList<>();
        for (Node master : masters) {
            RoutedRequest<KeyScanCursor<byte[]>> page = new RoutedRequest<>(
                    0, RoutedRequest.Kind.READ, Requests.scan(scan(master).cursor(), pattern));
            page.pinTo(master);
            pages.add(page);
        }
        long asked = System.nanoTime();
        router.runAll(pages, asked, until);
        Map<Node, List<byte[]>> found = new LinkedHashMap<>();
        Map<Node, Runnable> done = new LinkedHashMap<>();
        for (int i = 0; i < pages.size(); i++) {
            KeyScanCursor<byte[]> page = pages.get(i).reply();
            if (page != null) {
                found.put(masters.get(i), page.getKeys());
                String next = page.isFinished() ? PrefixScan.START : cursorOf(page);
                long since = pages.get(i).openSince();
                PrefixScan scan = scan(masters.get(i));
                done.put(masters.get(i), () -> scan.moved(asked, since, next));
            } else {
                unreached.put(masters.get(i), unavailable(pages.get(i).failure()));
            }
        }
        try {
            if (useless == null) {
                unlink(found.values().stream().flatMap(List::stream).toList());
            } else {
                removeUseless(found, useless);
                PrefixScan.rest(asked);
            }
            done.values().forEach(Runnable::run);
        } catch (CacheUnavailableException e) {
            // Whose they were is not worth telling apart: those pages are gone over again.
            done.keySet().forEach(master -> unreached.put(master, e));
        }
    }

    /** Removes those of a page that are useless, unless they have changed since that was seen. */
    private void removeUseless(Map<Node, List<byte[]>> found, Useless those) {
        List<byte[]> keys = new ArrayList<>();
        List<RoutedRequest<byte[]>> heads = new ArrayList<>();
        found.forEach((master, page) -> page.stream()
                .filter(key -> !spared.contains(key))
                .forEach(key -> {
                    RoutedRequest<byte[]> head =
                            new RoutedRequest<>(0, RoutedRequest.Kind.READ, Requests.head(key, those.head()));
                    head.pinTo(master);
                    heads.add(head);
                    keys.add(key);
                }));
        if (keys.isEmpty()) {
            return;
        }
        router.runAll(heads, System.nanoTime(), until);
        List<RoutedRequest<Long>> removals = new ArrayList<>();
        byte[] most = Integer.toString(those.head()).getBytes(StandardCharsets.US_ASCII);
        for (int i = 0; i < keys.size(); i++) {
            byte[] key = keys.get(i);
            byte[] head = heads.get(i).reply();
            if (head == null && heads.get(i).failure() instanceof CacheUnavailableException e) {
                throw e;
            }
            // What is no string is refused, and no cache's.
            if (head != null && head.length > 0 && those.says().test(head)) {
                Request<Long> removal = Script.REMOVE_HEADED.inFull(List.of(key), List.of(head, most));
                removals.add(new RoutedRequest<>(Slots.of(key), RoutedRequest.Kind.HARMLESS, removal));
            }
        }
        remove(removals);
    }

    /** What is sent again is a number, whatever the node said. */
    private String cursorOf(KeyScanCursor<byte[]> page) {
        String cursor = String.valueOf(page.getCursor());
        if (cursor.isEmpty() || cursor.length() > 20 || !cursor.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw errors.malformed("a cursor that is none");
        }
        return cursor;
    }

    private CacheUnavailableException unavailable(RuntimeException failure) {
        if (failure instanceof CacheUnavailableException known) {
            return known;
        }
        if (failure instanceof CacheException other) {
            throw other;
        }
        return errors.broken(failure);
    }

    /** Each by itself, those of a node together: keys of different slots can't be named in one command. */
    private void unlink(List<byte[]> keys) {
        List<RoutedRequest<Long>> allRouted = new ArrayList<>(keys.size());
        for (byte[] key : keys) {
            if (!spared.contains(key)) {
                allRouted.add(new RoutedRequest<>(
                        Slots.of(key), RoutedRequest.Kind.HARMLESS, Requests.number(CommandType.UNLINK, key)));
            }
        }
        remove(allRouted);
    }

    private void remove(List<RoutedRequest<Long>> allRouted) {
        if (allRouted.isEmpty()) {
            return;
        }
        router.runAll(allRouted, System.nanoTime(), until);
        @Nullable RuntimeException failure = null;
        for (RoutedRequest<Long> routed : allRouted) {
            if (routed.next() == RoutedRequest.Next.DONE) {
                Long count = routed.reply();
                removed += count == null ? 0 : count;
            } else if (failure == null || failure instanceof CacheRejectedException) {
                failure = routed.failure();
            }
        }
        if (failure != null) {
            throw failure instanceof CacheException known ? known : errors.disconnected(failure, true);
        }
    }
}
