package dev.holdfast.cache.cluster;

import dev.holdfast.cache.CacheUnavailableException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks nodes for the topology, whenever that is due, and makes it known. The configured nodes are asked first, and again when those
 * that are known don't answer at once. To be run by one thread, which alone has all its state.
 */
final class TopologyRefresh implements Runnable {
    /** So long nodes may take to say what they see. */
    static final long VIEW_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(1);

    private static final Logger LOG = LoggerFactory.getLogger(ClusterStore.class);
    private static final int VIEWS = 2;
    private static final long FAILED_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    /** So long the known nodes may take before the configured ones are asked as well. */
    private static final long BESIDE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

    private final ClusterConfig config;
    private final LettuceErrors errors;
    private final Topology topology;
    private final Nodes nodes;
    private final RefreshSchedule schedule;
    private final Rounds rounds;

    /** What went wrong in the present round. */
    private final List<CacheUnavailableException> failures = new ArrayList<>();

    private boolean withEndpoints = true;
    private String fingerprint = "";
    private long epoch;

    TopologyRefresh(
            ClusterConfig config,
            LettuceErrors errors,
            Topology topology,
            Nodes nodes,
            RefreshSchedule schedule,
            Rounds rounds) {
        this.config = config;
        this.errors = errors;
        this.topology = topology;
        this.nodes = nodes;
        this.schedule = schedule;
        this.rounds = rounds;
    }

    @Override
    public void run() {
        while (!schedule.isClosed()) {
            try {
                look();
                while (!schedule.awaitRound(topology::map)) {
                    peek();
                }
            } catch (Throwable e) {
                // Whatever it was: nobody else asks.
                failed(e);
            }
        }
        // Whatever was begun while it was being closed.
        nodes.closeAll(new CloseReason(CloseReason.Kind.DISCARDED, null));
    }

    /** One round. */
    private void look() {
        boolean wanted = rounds.begin();
        nodes.start();
        List<View> views = gather(wanted);
        if (views.isEmpty()) {
            rounds.end(errors.nobodyAnswers(failures));
        } else {
            SlotMap seen = topology.publish(views);
            rounds.end(null);
            nodes.retire(Set.copyOf(seen.nodes()));
        }
    }

    private void failed(Throwable e) {
        try {
            failures.add(errors.broken(e));
            rounds.end(errors.nobodyAnswers(failures));
            LOG.warn("Redis cluster {}: asking for the topology went wrong", config.nodes(), e);
        } catch (Throwable alsoThis) {
            // Not even memory to say so.
        }
        LockSupport.parkNanos(this, FAILED_PAUSE_NANOS);
    }

    private List<View> gather(boolean wanted) {
        failures.clear();
        Inquiry inquiry = new Inquiry(errors, withEndpoints);
        List<Node> known = fitNodes();
        // One is enough where nothing hints at a change.
        inquiry.ask(known.stream().limit(wanted ? VIEWS : 1).toList());
        if (!inquiry.awaitFirst(BESIDE_NANOS)) {
            inquiry.ask(known.stream().limit(2 * VIEWS).toList());
            inquiry.ask(nodes.seeds(topology.map().nodes()));
            inquiry.awaitFirst(
                    Math.max(VIEW_TIMEOUT_NANOS, config.connectTimeout().toNanos()));
        }
        List<View> views = inquiry.views(failures);
        schedule.asked(inquiry.questions());
        if (!views.isEmpty()) {
            withEndpoints = views.stream().anyMatch(View::hasOtherEndpoints);
            epoch = views.stream()
                    .flatMap(view -> view.members().stream())
                    .mapToLong(View.Member::epoch)
                    .max()
                    .orElse(0);
        }
        return views;
    }

    /** Asks one node whether anything has changed; if so, the next round begins at once. */
    private void peek() {
        List<Node> fit = fitNodes();
        if (fit.isEmpty()) {
            schedule.want();
            return;
        }
        String now = Inquiry.fingerprint(fit.get(0), VIEW_TIMEOUT_NANOS);
        schedule.asked(1);
        if (Inquiry.REFUSED.equals(now)) {
            schedule.want();
        } else if (now == null) {
            // Until a probe says otherwise.
            fit.get(0).ill(new TimeoutException("no answer to a question"));
            schedule.want();
        } else if (fingerprint.isEmpty() && now.contains("cluster_current_epoch:" + epoch + ' ')) {
            // Nothing since the round that the map is of.
            fingerprint = now;
        } else if (!now.equals(fingerprint)) {
            schedule.changed(Inquiry.isWhole(now) && !fingerprint.isEmpty() && !Inquiry.isWhole(fingerprint));
            fingerprint = now;
        }
    }

    private List<Node> fitNodes() {
        List<Node> known = new ArrayList<>(topology.map().nodes());
        known.removeIf(node -> !node.isFit());
        Collections.shuffle(known);
        return known;
    }
}
