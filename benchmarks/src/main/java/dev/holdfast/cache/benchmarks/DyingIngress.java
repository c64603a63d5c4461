package dev.holdfast.cache.benchmarks;

import dev.holdfast.cache.testkit.RedisServer;
import dev.holdfast.streams.RequestClient;
import java.util.List;

/** An ingress in a process of its own that is killed with requests under way: what it leaves behind. */
final class DyingIngress {
    private DyingIngress() {}

    static void measure() throws Exception {
        try (RedisServer redis = StreamFigures.redis();
                StreamWorker.Group group = new StreamWorker.Group("ours", redis.url(), 3, StreamFigures.WORK, 30_000)) {
            String script = StreamWorker.config(redis.url()).toString();
            Process ingress = new ProcessBuilder(
                            Java.home().resolve("bin").resolve("java").toString(),
                            "-classpath",
                            System.getProperty("java.class.path"),
                            DyingIngress.class.getName(),
                            redis.url())
                    .redirectErrorStream(true)
                    .start();
            ingress.getInputStream().read();
            ingress.destroyForcibly().waitFor();
            long start = System.nanoTime();
            while (!List.of().equals(redis.command("KEYS", "{rr/replies/*"))) {
                Thread.sleep(50);
            }
            StreamFigures.print(
                    "q8: an ingress killed -9: its reply stream was gone after %d ms, requests left %d (%s)",
                    (System.nanoTime() - start) / 1_000_000, StreamFigures.queued(redis), script);
            group.kill(0);
        }
    }

    /** The process: sends some requests and waits to be killed. */
    public static void main(String[] args) throws Exception {
        RequestClient client = RequestClient.connect(StreamWorker.config(args[0]));
        for (int i = 0; i < 10; i++) {
            var unused = client.call("dying" + i, new byte[10], StreamFigures.LIMIT);
        }
        while (client.health().answered() < 5) {
            Thread.sleep(1);
        }
        System.out.println("sent");
        Thread.sleep(60_000);
    }
}
