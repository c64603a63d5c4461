package dev.holdfast.streams;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What workers had answered when they fell silent. Such an answer is kept for its window only, so it is found as soon as its request may be taken over, and
 * waits for nothing: neither for its turn among the {@link Suspects} nor for a terminal. For one thread.
 */
final class KeptAnswers {
    private static final int MOST_KNOWN = 10_000;

    private final Worker worker;
    private final Partition partition;
    private final Map<String, Optional<Head>> heads = new HashMap<>();
    private String from = "-";

    /** A request without its payload: id, reply stream, limit, deadline. */
    private record Head(List<?> fields) {
        String id() {
            return StreamReply.text(fields.get(0));
        }

        byte[] replies() {
            return (byte[]) Objects.requireNonNull(fields.get(1));
        }

        String limit() {
            return StreamReply.text(fields.get(2));
        }

        /** Empty if the request names none. */
        byte[] deadline() {
            return (byte[]) Objects.requireNonNull(fields.get(3));
        }
    }

    private record Silent(Partition.Pending request, Head head) {}

    KeptAnswers(Worker worker, Partition partition) {
        this.worker = worker;
        this.partition = partition;
    }

    /** Looks at the next page of what is silent, and has what is answered wait with the {@link Repetitions}. */
    void takeOver(Redis redis) {
        List<Partition.Pending> page = partition.silent(redis, from);
        if (page.isEmpty() && from.equals("-")) {
            heads.clear();
        }
        if (learn(redis, page)) {
            from = page.size() < Partition.AT_ONCE
                    ? "-"
                    : "(" + page.get(page.size() - 1).entryId();
        }
        List<Silent> asked = new ArrayList<>();
        for (Partition.Pending each : page) {
            Optional<Head> head = heads.getOrDefault(each.entryId(), Optional.empty());
            boolean isHere =
                    head.isPresent() && worker.keys().partitionOf(head.get().id()) == partition.number();
            if (isHere && !partition.holds(each.entryId())) {
                asked.add(new Silent(each, head.get()));
            }
        }
        if (asked.isEmpty()) {
            return;
        }
        List<byte[]> keys =
                asked.stream().map(each -> worker.keys().done(each.head().id())).toList();
        List<?> answered = StreamReply.list(redis.call(Script.ANSWERED.onAll(keys)));
        for (int i = 0; i < asked.size(); i++) {
            if (StreamReply.number(answered.get(i)) == 1) {
                takeOver(redis, asked.get(i).request(), asked.get(i).head());
            }
        }
    }

    private void takeOver(Redis redis, Partition.Pending request, Head head) {
        if (!partition.claim(redis, request.entryId())) {
            return;
        }
        worker.counters().redelivered.increment();
        long deadline = partition.clock().deadline(request.entryId(), Long.parseLong(head.limit()), head.deadline());
        boolean parked = false;
        try {
            parked = worker.repetitions()
                    .park(new Repetition(
                            partition,
                            request.entryId(),
                            head.id(),
                            head.replies(),
                            request.deliveries() + 1,
                            true,
                            deadline));
        } finally {
            if (!parked) {
                partition.missed();
            }
        }
    }

    /** Asks for those that it has not seen before: the server reads their payloads for that. Returns whether all are known then. */
    private boolean learn(Redis redis, List<Partition.Pending> page) {
        List<String> unknown = page.stream()
                .map(Partition.Pending::entryId)
                .filter(each -> !heads.containsKey(each))
                .toList();
        if (unknown.isEmpty()) {
            return true;
        }
        if (heads.size() > MOST_KNOWN) {
            heads.clear();
        }
        List<?> found = StreamReply.list(redis.call(Script.HEADS.on(partition.stream(), unknown.toArray())));
        for (int i = 0; i < found.size(); i++) {
            heads.put(unknown.get(i), head(found.get(i)));
        }
        return found.size() == unknown.size();
    }

    private static Optional<Head> head(@Nullable Object reply) {
        return Optional.ofNullable(reply)
                .map(found -> new Head(StreamReply.list(found)))
                .filter(head -> StreamReply.isNumber(head.limit(), ServerClock.LIMIT_DIGITS));
    }
}
