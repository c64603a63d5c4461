package dev.holdfast.cache.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.Secret;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Whatever a provider does, it is asked again. */
class RotationTest {
    private final List<String> used = new CopyOnWriteArrayList<>();

    private interface Answer {
        void give() throws Exception;
    }

    /** One that does something before it answers, and tells of changes. */
    private static class Vault implements CredentialsProvider {
        final AtomicInteger asked = new AtomicInteger();
        volatile String password = "old";
        volatile @Nullable Runnable listener;
        volatile Answer before = () -> {};

        @Override
        public Credentials get() throws Exception {
            asked.incrementAndGet();
            before.give();
            return Credentials.of(Secret.of(password));
        }

        @Override
        public Registration onChange(Runnable told) {
            listener = told;
            return () -> listener = null;
        }

        void change(String to) {
            password = to;
            Runnable told = listener;
            if (told != null) {
                told.run();
            }
        }
    }

    private static Login login(CredentialsProvider provider) throws CredentialsException {
        Login login = new Login(RemoteAccess.defaults().withCredentials(provider));
        Authentication unused = login.ask();
        return login;
    }

    private Rotation started(CredentialsProvider provider) throws CredentialsException {
        Rotation rotation = new Rotation(login(provider), words -> used.add(words.password()), "rotation-test");
        rotation.start();
        return rotation;
    }

    private static void until(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + 20_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() - end < 0, () -> "waited 20 s in vain until " + what);
            LockSupport.parkNanos(5_000_000);
        }
    }

    @Test
    void anErrorOfTheProviderEndsNothing() throws Exception {
        Vault vault = new Vault();
        try (Rotation rotation = started(vault)) {
            until("it is listened to", () -> used.contains("old"));
            vault.before = () -> {
                throw new NoClassDefFoundError("as when a class loader is closed");
            };
            int asked = vault.asked.get();
            vault.change("new");
            until("it was asked", () -> vault.asked.get() > asked);
            vault.before = () -> {};
            until("it is asked again", () -> used.contains("new"));
        }
    }

    @Test
    void whatCouldNotBeAskedForWhenItChangedIsAskedForLater() throws Exception {
        Vault vault = new Vault();
        try (Rotation rotation = started(vault)) {
            until("it is listened to", () -> used.contains("old"));
            vault.before = () -> {
                vault.before = () -> {};
                throw new IllegalStateException("the vault is sealed");
            };
            vault.change("new");
            until("it is asked again, though nothing changed since", () -> used.contains("new"));
        }
    }

    @Test
    void aProviderThatCannotBeListenedToYetIsListenedToLater() throws Exception {
        AtomicInteger refusals = new AtomicInteger(1);
        Vault vault = new Vault() {
            @Override
            public Registration onChange(Runnable told) {
                if (refusals.getAndDecrement() > 0) {
                    throw new IllegalStateException("not connected");
                }
                return super.onChange(told);
            }
        };
        try (Rotation rotation = started(vault)) {
            until("it is listened to", () -> vault.listener != null);
            vault.change("new");
            until("it is asked", () -> used.contains("new"));
        }
        until("it is left", () -> vault.listener == null);
    }

    @Test
    void whatChangesBeforeItIsListenedToIsNotMissed() throws Exception {
        Vault vault = new Vault() {
            @Override
            public Registration onChange(Runnable told) {
                password = "new";
                return super.onChange(told);
            }
        };
        try (Rotation rotation = started(vault)) {
            until("it is asked", () -> used.contains("new"));
        }
    }

    @Test
    void aProviderThatWasInterruptedIsAskedNextByAThreadThatIsNot() throws Exception {
        Vault vault = new Vault();
        List<Boolean> interrupted = new CopyOnWriteArrayList<>();
        try (Rotation rotation = started(vault)) {
            until("it is listened to", () -> used.contains("old"));
            vault.before = () -> {
                interrupted.add(Thread.currentThread().isInterrupted());
                throw new InterruptedException("as if by its own pool");
            };
            vault.change("new");
            until("it was asked", () -> !interrupted.isEmpty());
            vault.change("newer");
            until("it was asked again", () -> interrupted.size() > 1);
            assertEquals(List.of(false, false), List.copyOf(interrupted).subList(0, 2));
        }
    }

    @Test
    void aThreadThatThereIsNoMemoryForIsStartedByTheNextConnection() throws Exception {
        Vault vault = new Vault();
        AtomicInteger starts = new AtomicInteger();
        try (Rotation rotation = new Rotation(
                login(vault), words -> used.add(words.password()), "rotation-test", task -> new Thread(task) {
                    @Override
                    public synchronized void start() {
                        if (starts.incrementAndGet() == 1) {
                            throw new OutOfMemoryError("unable to create native thread: made by a test");
                        }
                        super.start();
                    }
                })) {
            assertThrows(OutOfMemoryError.class, rotation::start);
            rotation.start();
            rotation.start();
            until("it runs", () -> used.contains("old"));
            assertEquals(2, starts.get());
        }
    }
}
