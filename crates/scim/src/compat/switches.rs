//! The switches of a directory, in the form in which they are kept and shown.
//!
//! A mode and the rules that deviate from it, by their names: so that a rule which a later version adds is on or off
//! as the mode has it, and nothing depends on the order of the table.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::rules::{Rule, Rules};

/// How a directory stands to the rules, on the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleMode {
    /// Every rule is on.
    #[default]
    Compatible,
    /// Every rule is off: the RFCs and nothing else.
    Strict,
}

/// The switches of a directory. As JSON `{"mode":"compatible","except":["group_patch_204"]}`; both may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleSwitches {
    /// What holds for every rule that is not named.
    pub mode: RuleMode,
    /// The rules that stand otherwise than the mode says.
    pub except: BTreeSet<Rule>,
}

impl RuleSwitches {
    /// From the JSON that was kept. What a later version may have written is passed over: a rule that is not
    /// known, a mode that is not.
    #[must_use]
    pub fn from_kept(text: &str) -> Self {
        let kept: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        let names = kept.get("except").and_then(Value::as_array).into_iter().flatten();
        Self {
            mode: kept.get("mode").and_then(|mode| RuleMode::deserialize(mode).ok()).unwrap_or_default(),
            except: names.filter_map(Value::as_str).filter_map(Rule::by_name).collect(),
        }
    }

    /// The rules that are on.
    #[must_use]
    pub fn rules(&self) -> Rules {
        match self.mode {
            RuleMode::Compatible => {
                self.except.iter().fold(Rules::default(), |rules, rule| rules.without(*rule))
            }
            RuleMode::Strict => self.except.iter().fold(Rules::strict(), |rules, rule| rules.with(*rule)),
        }
    }
}

impl Serialize for Rule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Rule {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::by_name(&name).ok_or_else(|| {
            serde::de::Error::custom(format_args!("there is no rule {:?}", crate::error::excerpt(&name)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_and_its_exceptions() {
        for (json, on, off) in [
            ("{}", Rule::ALL, &[][..]),
            (r#"{"mode":"strict"}"#, &[], Rule::ALL),
            (r#"{"except":["legacy_urns"]}"#, &[Rule::OpCaseInsensitive], &[Rule::LegacyUrns]),
            (
                r#"{"mode":"strict","except":["op_case_insensitive","json_content_type"]}"#,
                &[Rule::OpCaseInsensitive, Rule::JsonContentType],
                &[Rule::LegacyUrns],
            ),
        ] {
            let switches: RuleSwitches = serde_json::from_str(json).unwrap();
            let rules = switches.rules();
            assert!(on.iter().all(|rule| rules.contains(*rule)), "{json}");
            assert!(off.iter().all(|rule| !rules.contains(*rule)), "{json}");
            let again: RuleSwitches =
                serde_json::from_str(&serde_json::to_string(&switches).unwrap()).unwrap();
            assert_eq!(again, switches);
            assert_eq!(RuleSwitches::from_kept(&serde_json::to_string(&switches).unwrap()), switches);
        }
        for (kept, mode, except) in [
            (r#"{"mode":"strict","except":["nope","legacy_urns",7],"more":1}"#, RuleMode::Strict, 1),
            (r#"{"mode":"later"}"#, RuleMode::Compatible, 0),
            ("nonsense", RuleMode::Compatible, 0),
        ] {
            let switches = RuleSwitches::from_kept(kept);
            assert_eq!((switches.mode, switches.except.len()), (mode, except), "{kept}");
        }
        for json in [r#"{"except":["nope"]}"#, r#"{"mode":"lax"}"#, r#"{"modes":1}"#] {
            assert!(serde_json::from_str::<RuleSwitches>(json).is_err(), "{json}");
        }
    }
}
