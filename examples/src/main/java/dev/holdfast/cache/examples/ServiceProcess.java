package dev.holdfast.cache.examples;

import dev.holdfast.cache.Settings;
import dev.holdfast.cache.internal.IsolatedThreads;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An {@link Ingress} or {@link Proxy} in a process of its own, which ends with this one. */
final class ServiceProcess implements AutoCloseable {
    private final Process process;
    private int port;
    private int healthPort;

    private ServiceProcess(Process process) {
        this.process = process;
    }

    /** The process: {@code ingress} or {@code proxy}. */
    public static void main(String[] args) throws IOException {
        AutoCloseable service;
        String ports;
        if (args[0].equals("ingress")) {
            Ingress ingress = Ingress.start(Settings.environment());
            service = ingress;
            ports = ingress.port() + " " + ingress.healthPort();
        } else {
            Proxy proxy = Proxy.start(Settings.environment());
            service = proxy;
            ports = proxy.healthPort() + " " + proxy.healthPort();
        }
        Runtime.getRuntime().addShutdownHook(IsolatedThreads.thread(() -> close(service), "end"));
        System.out.println(ports);
        // Whoever started this process holds the other end.
        while (System.in.read() >= 0) {}
        System.exit(0);
    }

    private static void close(AutoCloseable service) {
        try {
            service.close();
        } catch (Exception e) {
            System.err.println(e);
        }
    }

    /** Starts one; {@link #awaitPort} is due. */
    static ServiceProcess start(String kind, Map<String, String> settings) {
        ProcessBuilder builder = new ProcessBuilder(List.of(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        // Each of many processes sees few calls: what it runs is compiled after 20 of them, not 200.
                        "-XX:CompileThresholdScaling=0.1",
                        "-XX:+UseSerialGC",
                        "-Xmx96m",
                        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                        "-cp",
                        System.getProperty("services.classpath", System.getProperty("java.class.path")),
                        ServiceProcess.class.getName(),
                        kind))
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().putAll(settings);
        builder.environment().put("PORT", "0");
        try {
            return new ServiceProcess(builder.start());
        } catch (IOException e) {
            throw new IllegalStateException("can't start " + kind, e);
        }
    }

    /** Waits until it listens. */
    ServiceProcess awaitPort() {
        try {
            String line = new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII))
                    .readLine();
            String[] ports = String.valueOf(line).split(" ", 2);
            port = Integer.parseInt(ports[0]);
            healthPort = Integer.parseInt(ports[ports.length - 1]);
            return this;
        } catch (IOException | NumberFormatException e) {
            throw new IllegalStateException("a service did not start", e);
        }
    }

    URI uri(String path) {
        return uri(port, path);
    }

    private static URI uri(int port, String path) {
        return URI.create("http://127.0.0.1:" + port + path);
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** SIGKILL. */
    void kill() {
        process.destroyForcibly();
    }

    /** One of its metrics; 0 if it does not say. */
    long metric(String name) {
        try {
            HttpURLConnection connection =
                    (HttpURLConnection) uri(healthPort, "/metrics").toURL().openConnection();
            connection.setConnectTimeout(1_000);
            connection.setReadTimeout(3_000);
            String text = new String(connection.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            Matcher line = Pattern.compile("(?m)^" + name + " ([0-9]+)").matcher(text);
            return line.find() ? Long.parseLong(line.group(1)) : 0;
        } catch (IOException e) {
            return 0;
        }
    }

    @Override
    public void close() {
        kill();
    }
}
