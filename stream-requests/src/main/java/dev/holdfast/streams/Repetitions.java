package dev.holdfast.streams;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import redis.clients.jedis.Protocol;

/**
 * Requests of ids that others are running, of the {@link Suspects} those that can't begin yet, and answered ones whose reply streams are missing. They hold no terminal and no payload while they
 * wait; one thread looks for the answers, each after 10 ms at first and every 200 ms later. If nobody runs the id any more, one of its requests
 * goes on to a terminal. For any number of threads.
 */
final class Repetitions implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Repetitions.class);
    private static final int AT_ONCE = 16;
    private static final long TROUBLE_NANOS = 1_000_000_000;

    private final Worker worker;
    private final WaitingRequests waiting = new WaitingRequests();
    private final Set<String> resuming = ConcurrentHashMap.newKeySet();
    private final Queue<Repetition> resumed = new ConcurrentLinkedQueue<>();
    private final SteadyThread thread = new SteadyThread("holdfast-requests-repeated", this::look, Repetitions::failed);

    Repetitions(Worker worker) {
        this.worker = worker;
    }

    private static void failed(Throwable e) {
        LockSupport.parkNanos(WaitingRequests.LONGEST_PAUSE_NANOS);
        LOG.debug("repeated requests: {}", Trouble.shown(e));
    }

    /** Has a request wait here, counted, known and looked at, or none of these; says whether there is room. */
    boolean park(Repetition request) {
        if (!thread.ensure()) {
            return false;
        }
        worker.atWork().add(request);
        boolean added = false;
        try {
            added = waiting.add(request);
        } finally {
            if (!added) {
                worker.atWork().remove(request);
            }
        }
        return added;
    }

    /** The next that is to be run; {@link #resumed} is due for it. */
    @Nullable
    Repetition next() {
        return resumed.poll();
    }

    /** Takes one off that is run elsewhere now, or is gone; or has it wait on. */
    void resumed(Repetition one, boolean isGone) {
        if (isGone) {
            waiting.remove(List.of(one));
            worker.atWork().remove(one);
        }
        resuming.remove(one.id());
    }

    /** Waits until none waits here for another's answer, but no longer than that; says whether none waits at all. */
    boolean awaitNone(Duration atMost) throws InterruptedException {
        return waiting.awaitNone(resuming, atMost);
    }

    private void look() throws InterruptedException {
        LockSupport.parkNanos(this, WaitingRequests.FIRST_PAUSE_NANOS);
        waiting.awaitSome();
        for (Map.Entry<String, List<Repetition>> group : waiting.due().entrySet()) {
            int partition = group.getValue().get(0).partition().number();
            if (!worker.sick().isWell(partition)) {
                waiting.pause(group.getKey(), WaitingRequests.LONGEST_PAUSE_NANOS);
                continue;
            }
            try {
                look(group.getKey(), group.getValue());
            } catch (RuntimeException e) {
                LOG.debug("no answer to {} is seen: {}", group.getKey(), Trouble.shown(e));
                waiting.pause(group.getKey(), TROUBLE_NANOS);
                if (worker.sick().isOneOnly(e) && Trouble.mayPass(e)) {
                    worker.sick().failed(partition, e);
                }
            }
        }
    }

    private void look(String id, List<Repetition> all) {
        List<Repetition> over = all.stream().filter(Repetition::isOver).toList();
        if (!over.isEmpty()) {
            remove(over);
            over.forEach(
                    each -> (each.isAnswered() ? worker.counters().orphans : worker.counters().expired).increment());
        }
        List<Repetition> requests =
                all.stream().filter(each -> !over.contains(each)).toList();
        if (requests.isEmpty()) {
            return;
        }
        Character state = state(id);
        if (state != null && state == 'R') {
            waiting.pause(id, 0);
            return;
        }
        byte[] answer = state == null
                ? null
                : (byte[]) worker.redis()
                        .call(Command.of(Protocol.Command.GET, worker.keys().done(id)));
        if (answer != null && Answer.isAnswer(answer)) {
            for (int from = 0; from < requests.size(); from += AT_ONCE) {
                answer(requests.subList(from, Math.min(from + AT_ONCE, requests.size())), answer);
            }
        } else {
            resume(requests.get(0));
        }
    }

    /** What stands at an id, by its first byte; {@code null} if nothing does, or nothing that this can tell. */
    private @Nullable Character state(String id) {
        try {
            Object first = worker.redis()
                    .call(Command.of(Protocol.Command.GETRANGE, worker.keys().done(id), 0, 0));
            String text = StreamReply.text(first);
            return text.isEmpty() ? null : text.charAt(0);
        } catch (RuntimeException e) {
            if (Trouble.mayPass(e)) {
                throw e;
            }
            // Whoever runs it finds out.
            return null;
        }
    }

    private void answer(List<Repetition> requests, byte[] answer) {
        List<@Nullable Object> added = worker.redis()
                .all(requests.stream()
                        .map(each -> AnswerSteps.reply(each.replies(), each.id(), answer))
                        .toList());
        List<Repetition> ended = new ArrayList<>();
        int orphans = 0;
        int replayed = 0;
        for (int i = 0; i < added.size(); i++) {
            Repetition request = requests.get(i);
            if (mayStillBeSent(request, added.get(i))) {
                continue;
            }
            ended.add(request);
            if (added.get(i) == null || added.get(i) instanceof RuntimeException) {
                orphans++;
            }
            if (!request.isAnswered()) {
                replayed++;
            }
        }
        if (ended.size() < requests.size()) {
            waiting.pause(requests.get(0).id(), TROUBLE_NANOS);
        }
        if (!ended.isEmpty()) {
            remove(ended);
            // Not before: what could not be removed is answered again.
            worker.counters().orphans.add(orphans);
            worker.counters().replayed.add(replayed);
            worker.counters().answered.add(ended.size());
        }
    }

    private static boolean mayStillBeSent(Repetition request, @Nullable Object reply) {
        if (reply instanceof RuntimeException e) {
            return Trouble.mayPass(e) && !Trouble.isForbiddenKey(e);
        }
        return reply == null && !request.isMissingForGood();
    }

    /** Has one run, as soon as a terminal is free. The others wait for its answer. */
    private void resume(Repetition request) {
        waiting.pause(request.id(), WaitingRequests.LONGEST_PAUSE_NANOS);
        if (request.isSuspected() && !worker.suspects().isFree()) {
            return;
        }
        if (resuming.add(request.id())) {
            resumed.add(request);
            waiting.tell();
        }
    }

    /** Removes requests of one id from Redis, and then from here. */
    private void remove(List<Repetition> requests) {
        Partition partition = requests.get(0).partition();
        List<String> entries = requests.stream().map(Repetition::entryId).toList();
        try {
            worker.redis().call(partition.removal(entries));
        } catch (RuntimeException e) {
            if (Trouble.mayPass(e)) {
                throw e;
            }
        }
        waiting.remove(requests);
        requests.forEach(worker.atWork()::remove);
    }

    @Override
    public void close() {
        waiting.close();
        thread.close();
    }
}
