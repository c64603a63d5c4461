package dev.holdfast.cache.monitor;

import jakarta.mail.AuthenticationFailedException;
import jakarta.mail.Message;
import jakarta.mail.MessagingException;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ScheduledExecutorService;

/**
 * Sends by mail, in plain text, one mail for each message. Waits five seconds for each of the server's answers, and twenty for all of it. Connects only
 * to addresses that may be connected to.
 */
final class MailSender implements Sender {
    private static final String MILLIS = "5000";
    private static final Duration WHOLE = Duration.ofSeconds(20);

    private final MailServer server;
    private final Payloads payloads;
    private final String protocol;
    private final Session session;
    private final GuardedSockets sockets;

    /** {@code alarms} tells when time is over. */
    MailSender(MailServer server, Payloads payloads, ScheduledExecutorService alarms) {
        this.server = server;
        this.payloads = payloads;
        this.protocol = server.implicitTls() ? "smtps" : "smtp";
        this.sockets = new GuardedSockets(server.host(), alarms);
        this.session = Session.getInstance(properties());
    }

    private Properties properties() {
        Properties properties = new Properties();
        String prefix = "mail." + protocol + '.';
        properties.setProperty(prefix + "connectiontimeout", MILLIS);
        properties.setProperty(prefix + "timeout", MILLIS);
        properties.setProperty(prefix + "writetimeout", MILLIS);
        properties.setProperty(prefix + "auth", Boolean.toString(server.user() != null));
        properties.setProperty(prefix + "ssl.checkserveridentity", Boolean.toString(server.needsTls()));
        properties.setProperty(prefix + "starttls.required", Boolean.toString(server.needsTls()));
        properties.setProperty(prefix + "starttls.enable", "true");
        properties.put(prefix + "socketFactory", sockets);
        // Or else a connection that was refused here would be made without asking.
        properties.setProperty(prefix + "socketFactory.fallback", "false");
        return properties;
    }

    @Override
    public String channel() {
        return "email";
    }

    @Override
    public boolean takesSeveral() {
        return true;
    }

    @Override
    public Outcome send(List<Transition> message) {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        // Where the mail library looks for its parts; the threads here have none.
        thread.setContextClassLoader(Session.class.getClassLoader());
        try {
            MimeMessage mail = mail(message);
            sockets.within(WHOLE, () -> transmit(mail));
            return Outcome.TAKEN;
        } catch (AuthenticationFailedException e) {
            return failed(false, e);
        } catch (MessagingException e) {
            return failed(true, e);
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    /** No text of an exception: it may hold what the server said of the user. */
    private static Outcome failed(boolean mayRepeat, Exception e) {
        return new Outcome(false, mayRepeat, Duration.ZERO, e.getClass().getSimpleName());
    }

    @Override
    public void cancel() {
        sockets.cut();
    }

    private MimeMessage mail(List<Transition> message) throws MessagingException {
        MimeMessage mail = new MimeMessage(session);
        mail.setFrom(new InternetAddress(server.from()));
        for (String each : server.to()) {
            mail.addRecipient(Message.RecipientType.TO, new InternetAddress(each));
        }
        mail.setSubject(payloads.subject(message), "UTF-8");
        mail.setText(payloads.plain(message), "UTF-8");
        mail.setHeader("Date", DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC)));
        mail.saveChanges();
        return mail;
    }

    private void transmit(MimeMessage mail) throws MessagingException {
        try (Transport transport = session.getTransport(protocol)) {
            transport.connect(
                    server.host(),
                    server.port(),
                    server.user(),
                    server.password() == null ? null : server.password().reveal());
            transport.sendMessage(mail, mail.getAllRecipients());
        }
    }
}
