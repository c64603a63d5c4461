package dev.holdfast.streams;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
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
    private static final int MOST = 10_000;
    private static final int AT_ONCE = 16;
    private static final long FIRST_PAUSE_NANOS = 10_000_000;
    private static final long LONGEST_PAUSE_NANOS = 200_000_000;
    private static final long TROUBLE_NANOS = 1_000_000_000;

    private final Worker worker;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final Map<String, Group> groups = new HashMap<>();
    private int waiting;
    private boolean closed;
    private final Set<String> resuming = ConcurrentHashMap.newKeySet();
    private final Queue<Repetition> resumed = new ConcurrentLinkedQueue<>();
    private final SteadyThread thread = new SteadyThread("holdfast-requests-repeated", this::look, Repetitions::failed);

    private static final class Group {
        final List<Repetition> requests = new ArrayList<>();
        long pauseNanos = FIRST_PAUSE_NANOS;
        long at = System.nanoTime() + FIRST_PAUSE_NANOS;
    }

    Repetitions(Worker worker) {
        this.worker = worker;
    }

    private static void failed(Throwable e) {
        LockSupport.parkNanos(LONGEST_PAUSE_NANOS);
        LOG.debug("repeated requests: {}", Trouble.shown(e));
    }

    /** Has a request wait here; says whether there is room. */
    boolean park(Repetition request) {
        lock.lock();
        try {
            if (waiting >= MOST || !thread.ensure()) {
                return false;
            }
            add(request);
            changed.signalAll();
            return true;
        } finally {
            lock.unlock();
        }
    }

    /** Has it be counted, known and looked at, or none of these. */
    private void add(Repetition request) {
        Group group = groups.getOrDefault(request.id(), new Group());
        boolean added = false;
        try {
            worker.atWork().add(request);
            groups.put(request.id(), group);
            added = group.requests.add(request);
            waiting++;
        } finally {
            if (!added) {
                if (group.requests.isEmpty()) {
                    groups.remove(request.id());
                }
                worker.atWork().remove(request);
            }
        }
    }

    /** The next that is to be run; {@link #resumed} is due for it. */
    @Nullable
    Repetition next() {
        return resumed.poll();
    }

    /** Takes one off that is run elsewhere now, or is gone; or has it wait on. */
    void resumed(Repetition one, boolean isGone) {
        if (isGone) {
            forget(List.of(one));
            worker.atWork().remove(one);
        }
        resuming.remove(one.id());
    }

    /** Waits until none waits here for another's answer, but no longer than that; says whether none waits at all. */
    boolean awaitNone(Duration atMost) throws InterruptedException {
        long left = atMost.toNanos();
        lock.lock();
        try {
            while (!resuming.containsAll(groups.keySet()) && left > 0) {
                left = changed.awaitNanos(left);
            }
            return waiting == 0;
        } finally {
            lock.unlock();
        }
    }

    private void look() throws InterruptedException {
        LockSupport.parkNanos(this, FIRST_PAUSE_NANOS);
        awaitSome();
        for (Map.Entry<String, List<Repetition>> group : due().entrySet()) {
            int partition = group.getValue().get(0).partition().number();
            if (!worker.sick().isWell(partition)) {
                pause(group.getKey(), LONGEST_PAUSE_NANOS);
                continue;
            }
            try {
                look(group.getKey(), group.getValue());
            } catch (RuntimeException e) {
                LOG.debug("no answer to {} is seen: {}", group.getKey(), Trouble.shown(e));
                pause(group.getKey(), TROUBLE_NANOS);
                if (worker.sick().isOneOnly(e) && Trouble.mayPass(e)) {
                    worker.sick().failed(partition, e);
                }
            }
        }
    }

    private void awaitSome() throws InterruptedException {
        lock.lock();
        try {
            while (waiting == 0 && !closed) {
                changed.await();
            }
        } finally {
            lock.unlock();
        }
    }

    /** The groups to look at now. */
    private Map<String, List<Repetition>> due() {
        Map<String, List<Repetition>> due = new HashMap<>();
        lock.lock();
        try {
            long now = System.nanoTime();
            groups.forEach((id, group) -> {
                if (group.at - now <= 0) {
                    due.put(id, List.copyOf(group.requests));
                }
            });
        } finally {
            lock.unlock();
        }
        return due;
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
            pause(id, 0);
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
                        .map(each -> RequestRun.reply(each.replies(), each.id(), answer))
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
            pause(requests.get(0).id(), TROUBLE_NANOS);
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
        pause(request.id(), LONGEST_PAUSE_NANOS);
        if (request.isSuspected() && !worker.suspects().isFree()) {
            return;
        }
        lock.lock();
        try {
            if (resuming.add(request.id())) {
                resumed.add(request);
                changed.signalAll();
            }
        } finally {
            lock.unlock();
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
        forget(requests);
        requests.forEach(worker.atWork()::remove);
    }

    private void forget(List<Repetition> requests) {
        lock.lock();
        try {
            String id = requests.get(0).id();
            Group group = groups.get(id);
            if (group != null) {
                int before = group.requests.size();
                group.requests.removeAll(requests);
                waiting -= before - group.requests.size();
                if (group.requests.isEmpty()) {
                    groups.remove(id);
                }
            }
            changed.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Looks at a group again after so long; 0 for longer than the last time. */
    private void pause(String id, long nanos) {
        lock.lock();
        try {
            Group group = groups.get(id);
            if (group != null) {
                group.pauseNanos = nanos > 0 ? nanos : Math.min(2 * group.pauseNanos, LONGEST_PAUSE_NANOS);
                group.at = System.nanoTime() + group.pauseNanos;
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            changed.signalAll();
        } finally {
            lock.unlock();
        }
        thread.close();
    }
}
