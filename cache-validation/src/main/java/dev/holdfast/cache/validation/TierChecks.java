package dev.holdfast.cache.validation;

import dev.holdfast.cache.CacheException;
import dev.holdfast.cache.cluster.ClusterConfig;
import dev.holdfast.cache.internal.ForeignText;
import dev.holdfast.cache.validation.ClusterNodes.Node;
import dev.holdfast.cache.validation.Conversation.RefusedException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** All checks of one tier, in an order in which each builds upon those before. */
final class TierChecks implements AutoCloseable {
    private final String tier;
    private final Environment environment;
    private final Findings findings;
    private final Options options;
    private final List<Conversation> open = new ArrayList<>();
    private final List<Cleanup> cleanups = new ArrayList<>();
    private boolean well = true;

    TierChecks(String tier, Environment environment, Findings findings, Options options) {
        this.tier = tier;
        this.environment = environment;
        this.findings = findings;
        this.options = options;
    }

    /** Makes them, and says whether the tier can be relied upon. */
    boolean run() {
        List<Target> targets;
        try {
            targets = Targets.of(tier, environment.settings());
        } catch (CacheException e) {
            return findings.add(Result.failed(
                    named("address"),
                    ForeignText.shown(e.getMessage()),
                    "put that right for this check; docs/settings.md has every variable"));
        }
        if (!reach(targets)) {
            return false;
        }
        if (well) {
            client(targets);
        } else {
            findings.add(Result.skipped(named("failover"), "what failed before has to be put right first"));
        }
        return well;
    }

    private String named(String check) {
        return tier + ": " + check;
    }

    private void add(Result result) {
        well &= findings.add(result);
    }

    /** Finds a server that can be asked, and asks it; whether there is one. */
    private boolean reach(List<Target> targets) {
        Target chosen = targets.get(0);
        Result address = Reach.address(named("address"), chosen);
        for (int i = 1; i < targets.size() && address.mark() == Mark.FAILED; i++) {
            Result next = Reach.address(named("address"), targets.get(i));
            if (next.mark() != Mark.FAILED) {
                chosen = targets.get(i);
                address = next;
            }
        }
        if (!findings.add(address) || !findings.add(Reach.tls(named("TLS"), chosen))) {
            return false;
        }
        Conversation server = logIn("login", chosen);
        if (server != null && tier.equals(Environment.CLUSTER)) {
            cluster(server, chosen, targets);
        } else if (server != null) {
            server(server, chosen, environment.keyPrefix() + "values");
        }
        return server != null;
    }

    private @Nullable Conversation logIn(String check, Target target) {
        try {
            Conversation server = greeted(target);
            findings.add(Result.ok(named(check), target + " answers " + target.userName()));
            return server;
        } catch (RefusedException e) {
            findings.add(Result.failed(
                    named(check),
                    target + " refuses: " + ForeignText.shown(e.getMessage()),
                    Refusals.remedy(e.text(), target)));
        } catch (UncheckedIOException e) {
            findings.add(Result.failed(
                    named(check),
                    ForeignText.shown(Objects.requireNonNull(e.getCause()).getMessage()),
                    "check " + target.variables().place() + ", whether the server wants TLS ("
                            + target.variables().tls() + "), and whether it hangs"
                            + (tier.equals(Environment.CLUSTER)
                                    ? "; REDIS_CLUSTER_ADDRESSES says where nodes are reached that announce addresses of another network"
                                    : "")));
        }
        return null;
    }

    private static Conversation greeted(Target target) {
        Conversation server = Conversation.with(target);
        try {
            server.ask("PING");
            return server;
        } catch (RefusedException | UncheckedIOException e) {
            server.close();
            throw e;
        }
    }

    /** Checks a server that takes this run's keys, which are removed from it later. */
    private void server(Conversation server, Target target, String key) {
        open.add(server);
        cleanups.add(new Cleanup(server, target, environment.keyPrefix()));
        String check = "commands";
        try {
            Rights rights = Rights.of(server, tier, key);
            add(rights.commands(named(check), target, environment));
            add(rights.writes(named("writes"), target));
            check = "memory";
            add(Memory.check(named(check), target, server));
            check = "latency";
            add(ReadTimes.check(named(check), target, server, key, options));
        } catch (UncheckedIOException e) {
            add(silent(check, target, e));
        }
    }

    /** What is said of a server that has answered before. */
    private Result silent(String check, Target target, UncheckedIOException e) {
        return Result.failed(
                named(check),
                ForeignText.shown(Objects.requireNonNull(e.getCause()).getMessage()),
                "it answered before: see whether the server that "
                        + target.variables().place()
                        + " names hangs or restarts, and whether something on the way cuts connections");
    }

    private void cluster(Conversation seed, Target target, List<Target> configured) {
        ClusterNodes cluster;
        // It may be a replica, which has the keys of its master and lets nobody change them.
        try (seed) {
            cluster = ClusterNodes.of(seed);
        } catch (UncheckedIOException e) {
            add(silent("slots", target, e));
            return;
        } catch (RefusedException e) {
            add(Result.failed(
                    named("slots"),
                    target + " refuses: " + ForeignText.shown(e.getMessage()),
                    e.isForRights()
                            ? "let REDIS_CLUSTER_NODES name nodes of a cluster, whose user may: ACL SETUSER "
                                    + target.userName() + " +cluster|nodes +cluster|slots"
                            : "let REDIS_CLUSTER_NODES name nodes of a cluster; a server alone is named by REDIS_URL"));
            return;
        }
        if (configured.size() > 1) {
            add(Seeds.check(named("nodes"), target, cluster, configured));
        }
        ClusterChecks.of(cluster).forEach(this::add);
        ClusterConfig config = Targets.clusterOf(environment.settings());
        List<Result> worst = new ArrayList<>();
        for (Node master : cluster.masters()) {
            String key = ClusterChecks.keyOf(master, environment.keyPrefix());
            if (!master.failing() && key != null) {
                master(ClusterChecks.target(master, config, target), key, worst);
            }
        }
        worst.forEach(this::add);
    }

    /** Keeps, of each check, what is worst among the masters. */
    private void master(Target target, String key, List<Result> worst) {
        Findings here = new Findings(result -> {});
        TierChecks one = new TierChecks(tier, environment, here, options);
        Conversation server = one.logIn("masters", target);
        if (server != null) {
            try {
                one.server(server, target, key);
            } finally {
                open.addAll(one.open);
                cleanups.addAll(one.cleanups);
            }
        }
        for (Result result : here.report().results()) {
            int at = worst.stream().map(Result::check).toList().indexOf(result.check());
            boolean said = result.check().equals(named("masters")) && result.mark() == Mark.OK;
            if (at < 0) {
                worst.addAll(said ? List.of() : List.of(result));
            } else if (result.mark() != Mark.SKIPPED
                    && result.mark().compareTo(worst.get(at).mark()) > 0) {
                worst.set(at, result);
            }
        }
    }

    private void client(List<Target> targets) {
        try {
            try (ClientChecks client = new ClientChecks(tier, environment, this::shorten)) {
                add(client.failover(named("failover")));
                Result agreement = client.agreement(named("agreement"));
                if (agreement != null) {
                    add(agreement);
                }
            }
            // It kept its place in the roll as long as it was open.
            shorten();
        } catch (UncheckedIOException e) {
            add(silent("failover", targets.get(0), e));
        } catch (RuntimeException e) {
            add(Result.failed(
                    named("failover"),
                    ForeignText.shown(e.getMessage()),
                    "see above, and what the application logs at its start"));
        }
    }

    /** Lets what this run has left on the servers expire soon. */
    void shorten() {
        cleanups.forEach(Cleanup::shorten);
    }

    /** Removes what this run has left on the servers. */
    void cleanUp() {
        Set<String> reasons = new LinkedHashSet<>();
        for (Cleanup each : cleanups) {
            try {
                each.remove();
            } catch (RefusedException | UncheckedIOException e) {
                reasons.add(ForeignText.shown(e.getMessage()));
            }
        }
        if (!reasons.isEmpty()) {
            findings.add(Result.warning(
                    named("cleanup"),
                    "not all keys of this run could be removed: " + String.join("; ", reasons),
                    "look for those that begin with " + environment.keyPrefix()
                            + "; they expire by themselves, the last within a month"));
        }
    }

    @Override
    public void close() {
        open.forEach(Conversation::close);
    }
}
