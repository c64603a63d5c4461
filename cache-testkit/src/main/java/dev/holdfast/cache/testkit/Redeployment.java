package dev.holdfast.cache.testkit;

import java.lang.ref.WeakReference;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Deploys an application again and again as a container does: with its libraries in a class loader of its own, on a thread that
 * outlives it and has that loader as its context. Says how many of the loaders something keeps alive afterwards.
 */
public final class Redeployment {
    private Redeployment() {}

    /**
     * Runs an application several times, each time in a new class loader, and waits until all loaders are garbage.
     *
     * @param times how often
     * @param seconds how long to wait at most
     * @param application a class with a constructor without parameters; it opens, uses and closes
     * @param argument what it is given
     * @param libraries a class of each library that it needs
     * @return how many loaders are alive; 0 is what one wants
     * @throws IllegalStateException if the application fails
     */
    public static int survivors(
            int times,
            int seconds,
            Class<? extends Consumer<String>> application,
            String argument,
            Class<?>... libraries) {
        Set<String> places = new LinkedHashSet<>(List.of(place(application)));
        for (Class<?> library : libraries) {
            places.add(place(library));
        }
        URL[] urls = places.stream().map(Redeployment::url).toArray(URL[]::new);
        return survivors(times, seconds, urls, application.getName(), argument);
    }

    /**
     * Runs an application several times, each time in a new class loader, and waits until all loaders are garbage.
     *
     * @param times how often
     * @param seconds how long to wait at most
     * @param urls where the application and its libraries are
     * @param application the name of a {@link Consumer} of text with a constructor without parameters; it opens, uses and closes
     * @param argument what it is given
     * @return how many loaders are alive; 0 is what one wants
     * @throws IllegalStateException if the application fails
     */
    public static int survivors(int times, int seconds, URL[] urls, String application, String argument) {
        List<WeakReference<ClassLoader>> loaders = new ArrayList<>();
        ExecutorService container = Executors.newSingleThreadExecutor();
        try {
            for (int i = 0; i < times; i++) {
                loaders.add(container
                        .submit(() -> deployed(urls, application, argument))
                        .get());
            }
            return awaitGarbage(loaders, seconds);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("the application failed: " + e.getCause(), e);
        } finally {
            container.shutdownNow();
        }
    }

    private static WeakReference<ClassLoader> deployed(URL[] urls, String application, String argument)
            throws Exception {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (URLClassLoader loader = new URLClassLoader(urls, ClassLoader.getPlatformClassLoader())) {
            thread.setContextClassLoader(loader);
            @SuppressWarnings("unchecked")
            Consumer<String> made = (Consumer<String>)
                    loader.loadClass(application).getDeclaredConstructor().newInstance();
            made.accept(argument);
            return new WeakReference<>(loader);
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    private static int awaitGarbage(List<WeakReference<ClassLoader>> loaders, int seconds) throws InterruptedException {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (true) {
            System.gc();
            int alive = (int)
                    loaders.stream().filter(loader -> loader.get() != null).count();
            if (alive == 0 || System.nanoTime() - deadline > 0) {
                return alive;
            }
            TimeUnit.MILLISECONDS.sleep(100);
        }
    }

    /** Where the class file lies; a protection domain would name the module that a test's classes were patched into. */
    private static String place(Class<?> type) {
        String file = type.getName().replace('.', '/') + ".class";
        String found =
                Objects.requireNonNull(type.getResource('/' + file), file).toString();
        String place = found.substring(0, found.length() - file.length());
        if (place.startsWith("jar:")) {
            place = place.substring("jar:".length(), place.length() - "!/".length());
        }
        return place;
    }

    private static URL url(String place) {
        try {
            return URI.create(place).toURL();
        } catch (MalformedURLException e) {
            throw new IllegalStateException("no place that a class loader can look in: " + place, e);
        }
    }
}
