package dev.holdfast.cache.containers;

import java.time.Duration;
import java.util.stream.IntStream;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;

/** A server that the testkit does not carry. */
enum Image {
    VALKEY("valkey/valkey:9.0", "valkey"),
    REDIS("redis:8.2", "redis");

    static final int PORT = 6379;
    static final int FIRST_PORT = 7001;
    static final int NODES = 6;
    private static final String READY = "the cluster is ready";

    private final String name;
    private final String program;

    Image(String name, String program) {
        this.name = name;
        this.program = program;
    }

    /** Starts one server. */
    GenericContainer<?> single() {
        requireDocker();
        GenericContainer<?> container =
                new GenericContainer<>(name).withCommand(program + "-server").withExposedPorts(PORT);
        container.start();
        return container;
    }

    /** Starts three masters with a replica each, all in one container. */
    GenericContainer<?> cluster() {
        requireDocker();
        Integer[] ports =
                IntStream.range(FIRST_PORT, FIRST_PORT + NODES).boxed().toArray(Integer[]::new);
        GenericContainer<?> container = new GenericContainer<>(name)
                .withCommand("sh", "-c", clusterScript())
                .withExposedPorts(ports)
                .waitingFor(Wait.forLogMessage(".*" + READY + ".*", 1).withStartupTimeout(Duration.ofMinutes(2)));
        container.start();
        return container;
    }

    private String clusterScript() {
        String ports = "$(seq " + FIRST_PORT + ' ' + (FIRST_PORT + NODES - 1) + ')';
        return String.join(
                "\n",
                "set -e; cd /tmp; nodes=",
                "for port in " + ports + "; do",
                "  " + program + "-server --port $port --cluster-enabled yes --cluster-config-file nodes-$port.conf"
                        + " --protected-mode no --daemonize yes --dbfilename dump-$port.rdb",
                "  nodes=\"$nodes 127.0.0.1:$port\"",
                "done",
                "for port in " + ports + "; do until " + program + "-cli -p $port ping; do sleep 0.1; done; done",
                program + "-cli --cluster create $nodes --cluster-replicas 1 --cluster-yes",
                "for port in " + ports + "; do",
                "  until " + program + "-cli -p $port cluster info | grep -q cluster_state:ok; do sleep 0.1; done",
                "done",
                "echo " + READY,
                "tail -f /dev/null");
    }

    private static void requireDocker() {
        if (!DockerClientFactory.instance().isDockerAvailable()) {
            throw new IllegalStateException("-Pcontainers needs Docker, and none answers here: start it (or set"
                    + " DOCKER_HOST), or leave the profile away; what the testkit carries is tested without it");
        }
    }
}
