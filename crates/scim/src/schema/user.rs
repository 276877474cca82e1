//! The core User (RFC 7643 §4.1), in the order in which its attributes are written.

use super::{Attribute, CORE_USER, Mutability, Returned, Schema};

pub(super) static USER: Schema = Schema {
    urn: CORE_USER,
    name: "User",
    description: "A person's account.",
    attributes: &[
        Attribute::string("userName", "The name by which the person signs in.").required().unique(),
        Attribute::complex("name", NAME, "The parts of the person's name."),
        Attribute::string("displayName", "The name shown to others."),
        Attribute::string("nickName", "A casual name."),
        Attribute::reference("profileUrl", &["external"], "The URL of the person's profile."),
        Attribute::string("title", "The job title."),
        Attribute::string("userType", "The relation between person and organization."),
        Attribute::string("preferredLanguage", "The preferred language, as in Accept-Language."),
        Attribute::string("locale", "The locale, for dates and numbers."),
        Attribute::string("timezone", "The time zone, as in the IANA database."),
        Attribute::boolean("active", "Whether the account may be used."),
        Attribute::string("password", "Accepted and thrown away.")
            .exact()
            .mutability(Mutability::WriteOnly)
            .returned(Returned::Never),
        Attribute::complex("emails", EMAILS, "E-mail addresses.").many(),
        Attribute::complex("phoneNumbers", PHONE_NUMBERS, "Telephone numbers.").many(),
        Attribute::complex("ims", IMS, "Instant messaging addresses.").many(),
        Attribute::complex("photos", PHOTOS, "URLs of photos.").many(),
        Attribute::complex("addresses", ADDRESSES, "Postal addresses.").many(),
        Attribute::complex("groups", GROUPS, "The groups the person belongs to.").many().read_only(),
        Attribute::complex("entitlements", PLAIN, "Entitlements.").many(),
        Attribute::complex("roles", PLAIN, "Roles.").many(),
        Attribute::complex("x509Certificates", CERTIFICATES, "X.509 certificates.").many(),
    ],
};

static NAME: &[Attribute] = &[
    Attribute::string("formatted", "The whole name, ready to be shown."),
    Attribute::string("familyName", "The family name."),
    Attribute::string("givenName", "The given name."),
    Attribute::string("middleName", "The middle names."),
    Attribute::string("honorificPrefix", "Titles before the name."),
    Attribute::string("honorificSuffix", "Titles after the name."),
];

const DISPLAY: Attribute = Attribute::string("display", "A label to be shown.");
const TYPE: Attribute = Attribute::string("type", "What the value is for.");
const PRIMARY: Attribute = Attribute::boolean("primary", "Whether this is the preferred value.");

static EMAILS: &[Attribute] = &[
    Attribute::string("value", "The address."),
    DISPLAY,
    Attribute::string("type", "What the address is for.").suggests(&["work", "home", "other"]),
    PRIMARY,
];

static PHONE_NUMBERS: &[Attribute] = &[
    Attribute::string("value", "The number."),
    DISPLAY,
    Attribute::string("type", "What the number is for.")
        .suggests(&["work", "home", "mobile", "fax", "pager", "other"]),
    PRIMARY,
];

static IMS: &[Attribute] = &[
    Attribute::string("value", "The address."),
    DISPLAY,
    Attribute::string("type", "The service.")
        .suggests(&["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"]),
    PRIMARY,
];

static PHOTOS: &[Attribute] = &[
    Attribute::reference("value", &["external"], "The URL."),
    DISPLAY,
    Attribute::string("type", "The size.").suggests(&["photo", "thumbnail"]),
    PRIMARY,
];

static ADDRESSES: &[Attribute] = &[
    Attribute::string("formatted", "The whole address, ready to be shown."),
    Attribute::string("streetAddress", "Street, house number and what else comes first."),
    Attribute::string("locality", "The city."),
    Attribute::string("region", "The state or region."),
    Attribute::string("postalCode", "The postal code."),
    Attribute::string("country", "The country."),
    Attribute::string("type", "What the address is for.").suggests(&["work", "home", "other"]),
    PRIMARY,
];

static GROUPS: &[Attribute] = &[
    Attribute::string("value", "The group's id.").exact().read_only(),
    Attribute::reference("$ref", &["Group"], "The group's URL.").read_only(),
    Attribute::string("display", "The group's name.").read_only(),
    Attribute::string("type", "How the membership came about.").suggests(&["direct", "indirect"]).read_only(),
];

static PLAIN: &[Attribute] = &[Attribute::string("value", "The value."), DISPLAY, TYPE, PRIMARY];

static CERTIFICATES: &[Attribute] =
    &[Attribute::binary("value", "The certificate, DER in base64."), DISPLAY, TYPE, PRIMARY];
